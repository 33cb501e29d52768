"""What to label next: the order of the pictures with its reasons, and a walk over the most useful regions."""
