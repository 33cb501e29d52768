"""Child widgets of the canvas: minimap, divider and titles of a comparison."""
