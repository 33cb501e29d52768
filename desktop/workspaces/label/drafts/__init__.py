"""Shapes that are not finished: kept with their picture and offered again."""
