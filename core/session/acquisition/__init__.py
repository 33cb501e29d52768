"""What to label next in the open project."""
