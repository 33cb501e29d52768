"""The label document in memory: classes, label maps, edits."""
