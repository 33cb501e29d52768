"""Statistics, splits and near-duplicates of a project."""
