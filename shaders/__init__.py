"""GLSL sources."""
