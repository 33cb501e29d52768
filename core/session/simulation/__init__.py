"""A simulated annotator labels a project from its known labels."""
