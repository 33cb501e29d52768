"""Tools that draw a shape: rectangle, ellipse, lasso, polygon."""
