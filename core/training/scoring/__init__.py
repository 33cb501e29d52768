"""How good a network is: confusion matrices, scores at the size of the pictures, which checkpoint is published."""
