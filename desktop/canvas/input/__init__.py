"""Input on the canvas: one module a gesture, and the runner of the active tool."""
