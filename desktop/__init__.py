"""The window: shows what core knows, forwards what the user does."""
