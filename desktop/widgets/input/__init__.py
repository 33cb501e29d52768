"""Keys and the wheel: which widget they belong to."""
