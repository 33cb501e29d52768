"""What frames the workspaces: top bar, welcome page, settings, auxiliary windows."""
