"""The command palette: search over actions, classes, pictures."""
