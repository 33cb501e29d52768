"""Cursors, outlines and previews painted over the layers."""
