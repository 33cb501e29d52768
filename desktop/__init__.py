"""The Qt window: shows the state of a project, and passes what the user does on to `core`."""
