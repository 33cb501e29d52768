"""Import, export and drop dialogs with their controllers."""
