"""Pictures we draw ourselves."""
