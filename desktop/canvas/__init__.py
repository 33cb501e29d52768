"""The canvas: shows one picture with its layers, and passes mouse, pen and keys to the active tool."""
