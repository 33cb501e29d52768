"""The acceptance test: drives the real window through all workspaces with mouse and keys, as a user would."""
