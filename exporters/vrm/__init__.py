"""VRM 1.0: the textured rig on a person's bones, with the meaning of its expressions."""
