"""Mouse, pen, touch and keyboard events become tool events."""
