"""The latent phase's second half: the picture itself, by gradient descent through a shaded render of the face model.

Visibility is fixed within a step (z-buffer); gradients pass through the corners' weights, the normals, light and albedo.
"""

from dataclasses import replace

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.core.datatypes import Camera, Portrait
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.face_model.deform import rotation_matrices
from facecraft4d.toolkit.fitting.landmarks import EXPRESSION_SIGMA, Latent, Targets
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.losses import Trunk, lpips
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.repeatable import repeatable

SIZE = 128
"""Side of the pictures that are compared."""
_RATES = {"motion": 3e-4, "identity": 4e-3, "expression": 4e-3, "light": 2e-2, "albedo": 5e-3}
_LANDMARK_WEIGHT, _PRIOR_WEIGHT, _LPIPS_WEIGHT, _ROUGHNESS_WEIGHT = 0.02, 1e-4, 0.1, 20.0
_LIGHT_WEIGHT = 2e-3
_FACE_REGIONS = ("skin", "lips", "eyelids", "ears")


def sh_basis(normals: Float[Tensor, "n 3"]) -> Float[Tensor, "n 9"]:
    """Second-order spherical harmonics of unit normals up to constant factors: 1, x, y, z, xy, yz, 3z^2-1, xz, x^2-y^2."""
    x, y, z = normals.unbind(-1)
    return torch.stack([torch.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], -1)


def surface_weights(corners: Float[Tensor, "p 3 3"], rays: Float[Tensor, "p 3"]) -> Float[Tensor, "p 3"]:
    """Perspective-correct weights of triangle corners (camera frame) where rays (x, y, 1) meet the triangles' planes."""
    a, b, c = corners.unbind(1)
    edges = torch.stack([torch.cross(b, c, dim=-1), torch.cross(c, a, dim=-1), torch.cross(a, b, dim=-1)], 1)
    weights = (edges * rays[:, None]).sum(-1)
    return weights / weights.sum(-1, keepdim=True)


def torch_normals(vertices: Float[Tensor, "v 3"], triangles: Tensor) -> Float[Tensor, "v 3"]:
    """Unit vertex normals, weighted by area."""
    corners = vertices[triangles]
    area = torch.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=-1)
    total = torch.zeros_like(vertices).index_add(0, triangles.reshape(-1), area.repeat_interleave(3, 0))
    return torch.nn.functional.normalize(total, dim=-1)


class _Problem:
    """What stays the same over the steps."""

    def __init__(
        self, model: FaceModel, portrait: Portrait, segments: Segments, latent: Latent, targets: Targets
    ) -> None:
        self.model, self.latent, self.targets = model, latent, targets
        directions = np.concatenate([model.identity_deltas, model.expression_deltas])
        self.directions = torch.as_tensor(directions.reshape(len(directions), -1))
        self.rest = torch.as_tensor(model.vertices)
        self.triangles = torch.as_tensor(model.triangles, dtype=torch.int64)
        face = in_regions(model, *_FACE_REGIONS, optional=True)
        self.face = torch.as_tensor(face)
        self.camera: Camera = resized_camera(latent.camera, SIZE, SIZE)
        small = cv2.resize(portrait.image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        skin = cv2.resize(segments.skin.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 0.95
        self.picture, self.skin = torch.as_tensor(small), torch.as_tensor(skin)
        self.lpips = lpips(Trunk.ALEXNET).eval()
        self.picture_features = self.lpips.features(self.picture.permute(2, 0, 1)[None])
        edges = np.concatenate([model.triangles[:, [0, 1]], model.triangles[:, [1, 2]]])
        self.edges = torch.as_tensor(edges, dtype=torch.int64)
        if model.landmarks_478 is None:
            raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
        self.points = model.landmarks_478
        self.landmark_corners = self.triangles[torch.as_tensor(self.points.triangles, dtype=torch.int64)]

    def start(self) -> dict[str, Tensor]:
        """Parameters: camera motion, weights, light, albedo; the albedo starts as the face's median colour."""
        median = self.picture[self.skin].median(0).values if bool(self.skin.any()) else torch.full((3,), 0.6)
        light = torch.zeros(9, 3)
        light[0] = 1
        values = {
            "motion": torch.zeros(6),
            "identity": torch.as_tensor(self.latent.identity, dtype=torch.float32),
            "expression": torch.as_tensor(self.latent.expression, dtype=torch.float32),
            "light": light,
            "albedo": median.expand(len(self.model.vertices), 3).clone(),
        }
        return {name: value.clone().requires_grad_(True) for name, value in values.items()}

    def posed(self, state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """World vertices and their positions in the camera."""
        # With the head at rest only the eyeballs' turn is missing, and they are not part of the face that is compared.
        weights = torch.cat([state["identity"], state["expression"]])
        world = self.rest + (weights @ self.directions).view(-1, 3)
        matrix = torch.as_tensor(self.latent.camera.camera_from_world, dtype=torch.float32)
        turned = world @ (rotation_matrices(state["motion"][:3]) @ matrix[:3, :3]).T
        return world, turned + matrix[:3, 3] + state["motion"][3:]

    def render(self, state: dict[str, Tensor], world: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The picture with the shaded face in it, and the pixels where the face was drawn."""
        camera = replace(self.camera, camera_from_world=np.eye(4))
        fragments = rasterize(camera, seen.detach().numpy(), self.model.triangles)
        hit = torch.as_tensor(fragments.triangle, dtype=torch.int64)
        drawn = (hit >= 0) & self.skin
        drawn &= self.face[hit.clamp(min=0)]
        rows, columns = torch.nonzero(drawn, as_tuple=True)
        corners = self.triangles[hit[rows, columns]]
        rays = torch.stack(
            [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, torch.ones(len(rows))], -1
        )
        weights = surface_weights(seen[corners], rays)[..., None]
        normals = torch.nn.functional.normalize(
            (torch_normals(world, self.triangles)[corners] * weights).sum(1), dim=-1
        )
        color = (state["albedo"][corners] * weights).sum(1) * (sh_basis(normals) @ state["light"])
        return self.picture.index_put((rows, columns), color), drawn

    def loss(self, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """L2 and LPIPS of the face, landmarks, priors, smooth albedo."""
        world, seen = self.posed(state)
        picture, drawn = self.render(state, world, seen)
        square = ((picture - self.picture)[drawn] ** 2).mean()
        perceived = self.lpips.distance(
            self.lpips.features(picture.permute(2, 0, 1)[None]), self.picture_features
        ).mean()
        landmark = self._landmarks(seen)
        identity_sigma = torch.as_tensor(0.35 * np.abs(self.model.identity_ranges).max(1))
        prior = ((state["identity"] / identity_sigma) ** 2).sum()
        scores = torch.as_tensor(self.targets.scores, dtype=torch.float32)
        prior = prior + (((state["expression"] - scores) / EXPRESSION_SIGMA) ** 2).sum()
        rough = ((state["albedo"][self.edges[:, 0]] - state["albedo"][self.edges[:, 1]]) ** 2).mean()
        rough = rough + _LIGHT_WEIGHT * (state["light"][1:] ** 2).mean()
        total = square + _LPIPS_WEIGHT * perceived + _LANDMARK_WEIGHT * landmark + _PRIOR_WEIGHT * prior
        parts = {"l2": square.item(), "lpips": perceived.item(), "landmarks": landmark.item()}
        return total + _ROUGHNESS_WEIGHT * rough, parts

    def _landmarks(self, seen: Tensor) -> Tensor:
        """Mean robust landmark error in units of its expected size."""
        weights = torch.as_tensor(self.points.barycentrics)[..., None]
        points = (seen[self.landmark_corners] * weights).sum(1)
        camera = self.latent.camera
        pixels = torch.stack(
            [camera.fx * points[:, 0] / points[:, 2] + camera.cx, camera.fy * points[:, 1] / points[:, 2] + camera.cy],
            -1,
        )
        error = (pixels - torch.as_tensor(self.targets.landmarks, dtype=torch.float32)) / self.targets.sigma
        trust = torch.as_tensor(self.points.validity)
        return ((1 + error.square().sum(-1)).sqrt() - 1).mul(trust).mean()


@repeatable()
def fit_picture(
    model: FaceModel, portrait: Portrait, segments: Segments, latent: Latent, targets: Targets, iterations: int
) -> tuple[Latent, dict[str, float]]:
    """Adam on everything at once; weights stay inside the model's ranges. Also returns the last losses."""
    problem = _Problem(model, portrait, segments, latent, targets)
    state = problem.start()
    optimizer = torch.optim.Adam([{"params": [state[name]], "lr": rate} for name, rate in _RATES.items()])
    low, high = torch.as_tensor(model.identity_ranges).unbind(1)
    losses: dict[str, float] = {}
    for step in range(iterations):
        for group, rate in zip(optimizer.param_groups, _RATES.values(), strict=True):
            group["lr"] = rate * (0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * step / iterations)))
        optimizer.zero_grad()
        total, losses = problem.loss(state)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            state["identity"].copy_(torch.minimum(torch.maximum(state["identity"], low), high))
            state["expression"].clamp_(0, 1)
    return _found(latent, state), losses


def _found(latent: Latent, state: dict[str, Tensor]) -> Latent:
    values = {name: value.detach().double() for name, value in state.items()}
    matrix = latent.camera.camera_from_world.copy()
    matrix[:3, :3] = rotation_matrices(values["motion"][:3]).numpy() @ matrix[:3, :3]
    matrix[:3, 3] += values["motion"][3:].numpy()
    camera = replace(latent.camera, camera_from_world=matrix)
    return replace(latent, camera=camera, identity=values["identity"].numpy(), expression=values["expression"].numpy())
