"""Picture and layers become pixels of the screen."""
