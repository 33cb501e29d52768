"""One module per dataset format that can be imported, and their registry."""
