"""Weights and normals that torch differentiates are the rasteriser's."""

import dataclasses

import numpy as np
import torch

from facecraft4d.toolkit.core.geometry import orbit_camera, vertex_normals
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.shading import surface_weights, torch_normals
from facecraft4d.toolkit.meshes.raster import rasterize


def test_torch_weights_and_normals_equal_the_rasterisers(model: FaceModel) -> None:
    camera = orbit_camera(15.0, 0.0, 1.5, 48)
    seen = model.vertices @ camera.camera_from_world[:3, :3].T.astype(np.float32)
    seen = (seen + camera.camera_from_world[:3, 3]).astype(np.float32)
    fragments = rasterize(dataclasses.replace(camera, camera_from_world=np.eye(4)), seen, model.triangles)
    rows, columns = np.nonzero(fragments.covered)
    rays = np.stack(
        [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, np.ones(len(rows))], -1
    )
    corners = torch.as_tensor(seen[model.triangles[fragments.triangle[rows, columns]]], dtype=torch.float64)
    weights = surface_weights(corners, torch.as_tensor(rays))
    np.testing.assert_allclose(weights.numpy(), fragments.barycentrics[rows, columns], atol=2e-3)
    normals = torch_normals(torch.as_tensor(model.vertices), torch.as_tensor(model.triangles, dtype=torch.int64))
    np.testing.assert_allclose(normals.numpy(), vertex_normals(model.vertices, model.triangles), atol=2e-3)
