"""The epoch strip of the Train workspace: what runs predicted at each of their checkpoints."""
