"""A simulated annotator: which tools it takes to turn one label into another, and how long that takes."""
