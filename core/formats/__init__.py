"""Dataset formats: readers, writers and what they share."""
