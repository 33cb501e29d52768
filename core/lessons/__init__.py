"""What a network does to a picture, small enough to follow by hand."""
