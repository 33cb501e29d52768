"""When to train, the worker's events, predictions, curves."""
