"""Live prediction in the Label workspace: answers to strokes, and places like a correction."""
