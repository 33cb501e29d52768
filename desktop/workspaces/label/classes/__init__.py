"""Controllers of the class list."""
