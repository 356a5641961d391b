"""The texture: the photograph where it sees the head, its own patches elsewhere."""
