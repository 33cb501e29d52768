"""The Train workspace: curves, runs, the next run."""
