"""The canvas: shows a picture with its layers and forwards pointer events to tools."""
