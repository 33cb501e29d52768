"""What labelling took, picture by picture, and what more of it would bring."""
