"""Small widgets on the canvas: minimap, comparison divider, titles."""
