"""What people have said of suspected labels."""
