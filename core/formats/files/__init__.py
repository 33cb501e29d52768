"""Files of a dataset folder: which of them are listed, how a reference finds one, and bounded parsers of their text."""
