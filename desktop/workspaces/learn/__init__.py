"""The Learn workspace: layers of a network on a patch, lessons, network summary."""
