"""The drawn sample pictures with exact masks."""
