"""Training: recipe, data, loop, validation, checkpoints; runs in a worker process."""
