"""Networks: catalogue, construction, checkpoints, inference, export."""
