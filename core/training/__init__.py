"""From frozen labels to better weights."""
