"""All actions with their texts, icons and keys."""
