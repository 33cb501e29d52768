"""What to label next, and how good the network is."""
