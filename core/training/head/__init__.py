"""The head of a hypercolumn network, fitted to sampled pixels: a new one, or rows of new classes."""
