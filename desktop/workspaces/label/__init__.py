"""The Label workspace: painting and correcting one picture."""
