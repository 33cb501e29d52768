"""The user's document on disk."""
