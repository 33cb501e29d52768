"""Which masks belong to a picture, and how several of them become one label."""
