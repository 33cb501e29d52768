"""The files of a project on disk: which of them may be opened, whether they are still there, and rescued edits."""
