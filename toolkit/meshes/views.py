"""What pictures from known cameras show of a surface: which of its points each sees, and their colours."""

import numpy as np
from jaxtyping import Float, Float32, Float64

from facecraft4d.toolkit.core.datatypes import View, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, normalized, project
from facecraft4d.toolkit.meshes.raster import sample_texture

DEPTH_TOLERANCE_METRES = 0.004
"""How far a view's depth may be off a point that it sees."""
SOLID = 0.95
"""Least alpha of a pixel that shows the head alone."""
FALLBACK_WEIGHT = 0.02
"""Of the colour that a point has otherwise, beside a view that sees it squarely."""
VIEW_POWER, PHOTOGRAPH_WEIGHT = 4, 20.0
"""Power of the cosine by which views count, and how much more the photograph does."""


def view_colors(
    views: ViewSet,
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    fallback: Float32[np.ndarray, "n 3"],
) -> Float32[np.ndarray, "n 3"]:
    """What the views that see a point show there, weighted by how squarely they see it; `fallback` where none does.

    The photograph alone decides where it sees well.
    """
    total, weights = view_sums(views, points, normals)
    mixed = (total + FALLBACK_WEIGHT * fallback) / (weights + FALLBACK_WEIGHT)[:, None]
    return np.asarray(mixed, np.float32)


def view_sums(
    views: ViewSet,
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    tolerance: float = DEPTH_TOLERANCE_METRES,
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, " n"]]:
    """Sums of what views show at points, each by the power of its cosine, the photograph (view 0) heavier; and of these weights.

    `points` in metres, world, with unit `normals`; `tolerance`: metres by which a view's depth may be off a point that it sees.
    """
    total, weights = np.zeros((len(points), 3)), np.zeros(len(points))
    for index, view in enumerate(views.views):
        weight = seen(view, points, normals, tolerance) ** VIEW_POWER * (PHOTOGRAPH_WEIGHT if index == 0 else 1.0)
        pixels, _ = project(view.camera, points)
        total += weight[:, None] * sample_texture(view.image, pixels / (view.camera.width, view.camera.height))
        weights += weight
    return total, weights


def seen(
    view: View,
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    tolerance: float = DEPTH_TOLERANCE_METRES,
) -> Float[np.ndarray, " n"]:
    """Cosine between normal and line of sight where the view sees a point (its depth agrees, its matte is solid), else 0."""
    pixels, depth = project(view.camera, points)
    height, width = view.depth.shape
    scale = (width / view.camera.width, height / view.camera.height)
    column, row = np.moveaxis(np.floor(pixels * scale).astype(np.int64), -1, 0)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
    agrees = np.abs(view.depth[row, column] - depth) < tolerance
    cosine = (normalized(camera_center(view.camera) - points) * normals).sum(-1)
    return np.asarray(np.maximum(cosine, 0) * (inside & agrees & (view.mask[row, column] > SOLID)))
