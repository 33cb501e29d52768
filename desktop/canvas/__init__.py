"""The canvas: shows one picture with its layers and turns the hand's movements into calls of tools."""
