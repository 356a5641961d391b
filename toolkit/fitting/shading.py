"""The latent phase's second half: the picture itself, by gradient descent through a shaded render of the face model.

Visibility is fixed within a step (z-buffer); gradients pass through the corners' weights, the normals, light and albedo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model.deform import rotation_matrices
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.fitting.landmarks import EXPRESSION_SIGMA, depth_trust
from facecraft4d.toolkit.fitting.latent import Latent
from facecraft4d.toolkit.fitting.observation import Observation, Observations, from_first, mean_scores
from facecraft4d.toolkit.losses import Lpips, Trunk, lpips
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.repeatable import repeatable

SIZE = 128
"""Side of the pictures that are compared."""
_RATES = {"motion": 3e-4, "identity": 4e-3, "expression": 4e-3, "light": 2e-2, "albedo": 5e-3}
"""Adam's rates at the first step, in the parameters' own units (radians and metres, weights, light, sRGB)."""
_RATE_LEFT = 0.1
"""What is left of every rate at the last step, after half a cosine."""
_LANDMARK_WEIGHT, _PRIOR_WEIGHT, _LPIPS_WEIGHT, _ROUGHNESS_WEIGHT = 0.02, 1e-4, 0.1, 20.0
"""Beside the mean squared difference of colours: landmarks, priors, LPIPS, differences of albedo along edges."""
_LIGHT_WEIGHT = 2e-3
"""Of light that is not the same from everywhere, beside the roughness of the albedo."""
_SURE_SKIN = 0.95
"""Share of a small pixel that must be skin for it to be compared."""
_USUAL_ALBEDO = 0.6
"""The albedo's start where no skin is seen."""
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


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """An observation at the compared size."""

    observation: Observation
    camera: Camera
    """In its own frame."""
    from_first: Float[Tensor, "4 4"] | None
    """From the first observation's camera to this one's; None for the first itself."""
    picture: Float[Tensor, "h w 3"]
    skin: Bool[Tensor, "h w"]
    features: tuple[Tensor, ...]
    """The perceptual network's, of the picture."""

    def seen(self, points: Float[Tensor, "v 3"]) -> Float[Tensor, "v 3"]:
        """From the first observation's camera to this one's frame."""
        return points if self.from_first is None else points @ self.from_first[:3, :3].T + self.from_first[:3, 3]


def _compared(observations: Observations, observation: Observation, network: Lpips) -> _Compared:
    image = cv2.resize(observation.image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    skin = cv2.resize(observation.segments.skin.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    picture = torch.as_tensor(image)
    first = observation is observations[0]
    return _Compared(
        observation=observation,
        camera=replace(resized_camera(observation.camera, SIZE, SIZE), camera_from_world=np.eye(4)),
        from_first=None if first else torch.as_tensor(from_first(observations, observation), dtype=torch.float32),
        picture=picture,
        skin=torch.as_tensor(skin > _SURE_SKIN),
        features=network.features(picture.permute(2, 0, 1)[None]),
    )


class _Problem:
    """What stays the same over the steps."""

    def __init__(self, model: FaceModel, latent: Latent, observations: Observations) -> None:
        self.model, self.latent = model, latent
        directions = np.concatenate([model.identity_deltas, model.expression_deltas])
        self.directions = torch.as_tensor(directions.reshape(len(directions), -1))
        self.rest = torch.as_tensor(model.vertices)
        self.triangles = torch.as_tensor(model.triangles, dtype=torch.int64)
        self.face = torch.as_tensor(in_regions(model, *_FACE_REGIONS, optional=True))
        self.lpips = lpips(Trunk.ALEXNET).eval()
        self.pairs = [_compared(observations, each, self.lpips) for each in observations]
        self.scores = torch.as_tensor(mean_scores(model, observations), dtype=torch.float32)
        self.people, self.whitening = torch.as_tensor(model.identity_mean), torch.as_tensor(model.identity_whitening)
        edges = np.concatenate([model.triangles[:, [0, 1]], model.triangles[:, [1, 2]]])
        self.edges = torch.as_tensor(edges, dtype=torch.int64)
        if model.landmarks_478 is None:
            raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
        self.points = model.landmarks_478
        self.landmark_corners = self.triangles[torch.as_tensor(self.points.triangles, dtype=torch.int64)]

    def start(self) -> dict[str, Tensor]:
        """Parameters: camera motion, weights, light, albedo; the albedo starts as the face's median colour."""
        shown = torch.cat([each.picture[each.skin] for each in self.pairs])
        median = shown.median(0).values if len(shown) else torch.full((3,), _USUAL_ALBEDO)
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
        """World vertices and their positions in the first observation's camera."""
        # With the head at rest only the eyeballs' turn is missing, and they are not part of the face that is compared.
        weights = torch.cat([state["identity"], state["expression"]])
        world = self.rest + (weights @ self.directions).view(-1, 3)
        matrix = torch.as_tensor(self.latent.camera.camera_from_world, dtype=torch.float32)
        turned = world @ (rotation_matrices(state["motion"][:3]) @ matrix[:3, :3]).T
        return world, turned + matrix[:3, 3] + state["motion"][3:]

    def render(self, pair: _Compared, state: dict[str, Tensor], world: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The picture with the shaded face in it, and the pixels where the face was drawn."""
        camera = pair.camera
        fragments = rasterize(camera, seen.detach().numpy(), self.model.triangles)
        hit = torch.as_tensor(fragments.triangle, dtype=torch.int64)
        drawn = (hit >= 0) & pair.skin
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
        return pair.picture.index_put((rows, columns), color), drawn

    def loss(self, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """L2 and LPIPS of the face, landmarks (means over the observations), priors, smooth albedo."""
        world, seen = self.posed(state)
        compared = [self._compare(pair, state, world, pair.seen(seen)) for pair in self.pairs]
        square, perceived, landmark = (_mean(values) for values in zip(*compared, strict=True))
        prior = (self.whitening @ (state["identity"] - self.people)).square().sum()
        prior = prior + (((state["expression"] - self.scores) / EXPRESSION_SIGMA) ** 2).sum()
        rough = ((state["albedo"][self.edges[:, 0]] - state["albedo"][self.edges[:, 1]]) ** 2).mean()
        rough = rough + _LIGHT_WEIGHT * (state["light"][1:] ** 2).mean()
        total = square + _LPIPS_WEIGHT * perceived + _LANDMARK_WEIGHT * landmark + _PRIOR_WEIGHT * prior
        parts = {"l2": square.item(), "lpips": perceived.item(), "landmarks": landmark.item()}
        return total + _ROUGHNESS_WEIGHT * rough, parts

    def _compare(
        self, pair: _Compared, state: dict[str, Tensor], world: Tensor, seen: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Squared difference and LPIPS, None where no face is to be seen, and landmark error, None where there are no landmarks."""
        picture, drawn = self.render(pair, state, world, seen)
        square = perceived = None
        if bool(drawn.any()):
            square = ((picture - pair.picture)[drawn] ** 2).mean()
            features = self.lpips.features(picture.permute(2, 0, 1)[None])
            perceived = self.lpips.distance(features, pair.features).mean()
        return square, perceived, self._landmarks(pair.observation, seen)

    def _landmarks(self, observation: Observation, seen: Tensor) -> Tensor | None:
        """Mean robust landmark error in units of its expected size."""
        if observation.landmarks is None:
            return None
        weights = torch.as_tensor(self.points.barycentrics)[..., None]
        points = (seen[self.landmark_corners] * weights).sum(1)
        camera = observation.camera
        pixels = torch.stack(
            [camera.fx * points[:, 0] / points[:, 2] + camera.cx, camera.fy * points[:, 1] / points[:, 2] + camera.cy],
            -1,
        )
        error = (pixels - torch.as_tensor(observation.landmarks, dtype=torch.float32)) / observation.sigma
        trust = torch.as_tensor(self.points.validity)
        robust = ((1 + error.square().sum(-1)).sqrt() - 1).mul(trust).mean()
        return robust if observation.depths is None else robust + self._depths(observation, points[:, 2])

    def _depths(self, observation: Observation, depths: Tensor) -> Tensor:
        """Half the mean squared error of the landmarks' depths in units of its expected size; shift and tilt of all count nothing."""
        counts = depth_trust(observation, self.points.validity.astype(np.float64))
        trust, basis = (torch.as_tensor(each, dtype=torch.float32) for each in counts)
        seen = torch.as_tensor(observation.depths, dtype=torch.float32)
        error = (observation.camera.fx / depths.mean() * depths - seen) * trust
        return 0.5 * (error - basis @ (basis.T @ error)).square().mean()


def _mean(values: Sequence[Tensor | None]) -> Tensor:
    """Of those that are given; 0 if none is."""
    given = [value for value in values if value is not None]
    return sum(given[1:], given[0]) / len(given) if given else torch.zeros(())


@repeatable()
def fit_picture(
    model: FaceModel, latent: Latent, observations: Observations, iterations: int
) -> tuple[Latent, dict[str, float]]:
    """Adam on everything at once; weights stay inside the model's ranges. Also returns the last losses."""
    problem = _Problem(model, latent, observations)
    state = problem.start()
    optimizer = torch.optim.Adam([{"params": [state[name]], "lr": rate} for name, rate in _RATES.items()])
    low, high = torch.as_tensor(model.identity_ranges).unbind(1)
    losses: dict[str, float] = {}
    for step in range(iterations):
        for group, rate in zip(optimizer.param_groups, _RATES.values(), strict=True):
            group["lr"] = rate * _decay(step, iterations)
        optimizer.zero_grad()
        total, losses = problem.loss(state)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            state["identity"].copy_(torch.minimum(torch.maximum(state["identity"], low), high))
            state["expression"].clamp_(0, 1)
    return _found(latent, state), losses


def _decay(step: int, iterations: int) -> float:
    """Half a cosine from 1 to `_RATE_LEFT`."""
    return float(_RATE_LEFT + (1 - _RATE_LEFT) * 0.5 * (1 + np.cos(np.pi * step / iterations)))


def _found(latent: Latent, state: dict[str, Tensor]) -> Latent:
    values = {name: value.detach().double() for name, value in state.items()}
    matrix = latent.camera.camera_from_world.copy()
    matrix[:3, :3] = rotation_matrices(values["motion"][:3]).numpy() @ matrix[:3, :3]
    matrix[:3, 3] += values["motion"][3:].numpy()
    camera = replace(latent.camera, camera_from_world=matrix)
    return replace(latent, camera=camera, identity=values["identity"].numpy(), expression=values["expression"].numpy())
