"""Image files and pixels: decoding, pyramids, tiles, orientation, display windows."""
