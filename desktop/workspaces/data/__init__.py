"""The Data workspace: statistics, splits, near-duplicates."""
