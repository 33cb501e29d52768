"""Semi-automatic tools, which use the pixels of the picture: wand, scissors, GrabCut, superpixels, watershed."""
