"""One module per dataset format that can be exported, and their registry."""
