"""Surfaces of hair, clothes and glasses around the face model."""
