"""One module a dataset format that is imported."""
