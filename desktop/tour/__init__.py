"""The acceptance test: the real window driven through every journey by mouse and keys."""
