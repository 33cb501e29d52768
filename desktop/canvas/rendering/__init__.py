"""From picture, label and prediction to device pixels."""
