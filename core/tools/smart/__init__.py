"""Tools that look at the picture: wand, scissors, GrabCut, superpixels, watershed."""
