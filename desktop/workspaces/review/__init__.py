"""The Review workspace: many pictures at a glance, suspected label errors."""
