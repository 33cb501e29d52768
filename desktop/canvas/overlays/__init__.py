"""What is painted above the layers: brush cursor, outlines, previews."""
