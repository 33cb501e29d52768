"""The content of the pictures' files: found again under other names, and replaced by other content."""
