"""Fits a face model to pictures: landmarks, outlines, shading, offsets."""
