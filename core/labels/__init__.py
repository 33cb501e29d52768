"""Labels in memory: classes, the live label map, edits, regions, outlines, predictions."""
