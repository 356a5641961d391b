"""Triangle meshes on the CPU."""
