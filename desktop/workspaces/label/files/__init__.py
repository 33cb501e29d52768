"""Files that changed under their pictures: the notice above the canvas, and the merging of two labels."""
