"""Labels in memory: classes, the label map, edits, regions, outlines, predictions."""
