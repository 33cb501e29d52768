"""Image files and pixels: decoding, pyramids, tiles, orientation, value windows."""
