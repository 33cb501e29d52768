"""What to label next: regions of a picture and an order of pictures, from predictions."""
