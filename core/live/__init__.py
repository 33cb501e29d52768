"""Live prediction: a light head on the features of a pretrained encoder, fitted to strokes at once."""
