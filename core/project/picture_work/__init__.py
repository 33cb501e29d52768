"""What it took to label each picture: the log and its measurements."""
