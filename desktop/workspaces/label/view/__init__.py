"""How the picture is shown: layers, comparison, image adjustments."""
