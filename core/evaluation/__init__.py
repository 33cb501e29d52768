"""How good a network is: metrics on a split, suspected label errors, simulated annotators."""
