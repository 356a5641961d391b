"""A head with views, and an animator whose every picture is known: it shifts its source by how much brighter a moment is than the neutral face."""

from pathlib import Path

import numpy as np
import pytest
import torch
from liveportrait_cases import NARROW, network
from torch import nn
from torch.nn import functional
from tracking_scene import drawn, mottled

from facecraft4d.toolkit.core.datatypes import Coarse, Head, Mesh, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.video_prior.liveportrait.appearance import AppearanceExtractor
from facecraft4d.toolkit.video_prior.liveportrait.generator import Generator
from facecraft4d.toolkit.video_prior.liveportrait.motion_extractor import ANGLE_BINS, MotionExtractor, RawMotion
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.warping import Warped, WarpingNetwork, identity_grid

SIZE = 160
"""Pixels of the views."""
YAWS = tuple(30.0 * index for index in range(12))


@pytest.fixture(scope="session")
def sitting(model: FaceModel) -> Coarse:
    """A head and its views all around."""
    rig = personalized_rig(model, model.identity_mean)
    head = Head(rig, Mesh(rig.vertices, rig.triangles, model.corner_uvs, mottled()), neutral_pose(rig))
    cameras = [orbit_camera(yaw, 0.0, 1.5, SIZE, np.array([0.0, -0.01, 0.02])) for yaw in YAWS]
    return Coarse(ViewSet(tuple(drawn(head, head.pose, camera) for camera in cameras), YAWS), head)


class Pictures(AppearanceExtractor):
    """Hands the picture on as a volume of one slice, 4 x 4 pixels to a voxel."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return functional.pixel_unshuffle(image, 4)[:, :, None]


class Brightness(MotionExtractor):
    """Every keypoint is as far to the right as the picture is bright."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, image: torch.Tensor) -> RawMotion:
        batch = len(image)
        expression = torch.zeros(batch, NARROW.keypoints, 3)
        expression[..., 0] = image.mean(dim=(1, 2, 3))[:, None]
        logits, none = torch.zeros(batch, ANGLE_BINS), torch.zeros(batch, 3)
        return RawMotion(torch.zeros_like(expression), logits, logits, logits, none, expression, torch.ones(batch, 1))


class Shift(WarpingNetwork):
    """Moves everything as the keypoints move on average."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, volume: torch.Tensor, driving: torch.Tensor, source: torch.Tensor) -> Warped:
        away = (source - driving).mean(dim=1)[:, None, None, None]
        deformation = identity_grid((1, 64, 64), volume)[None] + away
        picture = functional.pixel_shuffle(volume[:, :, 0], 4)[:, :, None]
        side = picture.shape[-1]
        middles = identity_grid((1, side, side), volume)[None] * (side - 1) / side + away
        moved = functional.grid_sample(picture, middles, align_corners=False, padding_mode="border")[:, :, 0]
        mask = torch.zeros(1, NARROW.motions, 1, 64, 64)
        mask[:, 1] = 1.0
        return Warped(moved, torch.ones(1, 1, 64, 64), deformation, mask)


class Enlarged(Generator):
    """The picture at twice its size."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False).clamp(0, 1)


@pytest.fixture(scope="session")
def shifting() -> Networks:
    """S, the lip and the eye network change nothing."""
    small = [network(net, NARROW) for net in ("lp.stitching", "lp.lip", "lp.eye")]
    for each in small:
        for parameter in each.parameters():
            parameter.data.zero_()
    return Networks(Pictures(), Brightness(), Shift(), Enlarged(), *small)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Narrow networks in the published layout."""
    from liveportrait_cases import write_checkpoints

    folder = tmp_path_factory.mktemp("pretrained_weights") / "liveportrait"
    write_checkpoints(folder)
    return folder
