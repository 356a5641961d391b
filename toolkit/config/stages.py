"""Options of the stages before training: photograph, shape, pictures, motion. What one prior alone reads is a group named after it."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.toolkit.config.bounds import SHARE, Bounds
from facecraft4d.toolkit.config.liveportrait import LivePortraitConfig
from facecraft4d.toolkit.config.panohead import PanoHeadConfig
from facecraft4d.toolkit.config.sdxl import SdxlConfig

PORTRAIT_SIDE = Bounds(128, 2048)
"""The shape is fitted to pictures of 128 pixels; matting takes about a kilobyte of memory a pixel, 5 GiB at 2048."""
PICTURE_SIDE = Bounds(32, 2048)
"""AlexNet, which compares the pictures, has no answer below 31 pixels; no picture is larger than the largest portrait."""
ITERATIONS = Bounds(0, 100_000)
"""Both phases have settled after some hundred steps."""


class Matting(StrEnum):
    """Who separates the head from the background."""

    SELFIE = "selfie"
    ISNET = "isnet"


class ShapePrior(StrEnum):
    """Who imagines the head's shape."""

    PARAMETRIC = "parametric"
    PANOHEAD = "panohead"


class FaceModelKind(StrEnum):
    """Whose head is fitted to the photograph."""

    DEFAULT = "default"
    FLAME = "flame"
    ICT = "ict"


class Bust(StrEnum):
    """How much of the body is below the head."""

    NECK = "neck"
    SHOULDERS = "shoulders"


class ImagePrior(StrEnum):
    """Who sharpens the coarse views."""

    WARP = "warp"
    SDXL = "sdxl"


class VideoPrior(StrEnum):
    """Who moves the views."""

    MESH = "mesh"
    LIVEPORTRAIT = "liveportrait"


class Lighting(StrEnum):
    """The light that the avatar's colours are under."""

    PHOTO = "photo"
    EVEN = "even"


@dataclass(frozen=True)
class PreprocessConfig:
    """Photograph to portrait."""

    face: Annotated[int | None, Bounds(0, 999), tyro.conf.arg(aliases=("--face",))] = None
    """Which face to take, counted from 0 by size; by default the largest."""
    matting: Annotated[Matting, tyro.conf.arg(aliases=("--matting",))] = Matting.SELFIE
    """selfie: Apache-2.0 model with closed-form refinement; isnet: stronger, its weights come in an AGPL-3.0 package."""
    size: Annotated[int, PORTRAIT_SIDE] = 512
    """Side of the aligned portrait in pixels."""
    anonymous: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(aliases=("--anonymous",), help_behavior_hint="")
    ] = False
    """Leave the photograph's name and hash out of what the build writes (docs/security.md)."""


@dataclass(frozen=True)
class FaceModelConfig:
    """The head model that is fitted to the photograph (docs/face_models.md).

    --face-model flame --face-model.file flame2023_Open.pkl
    --face-model ict --face-model.file ICT-FaceKit
    """

    model: Annotated[FaceModelKind, tyro.conf.arg(aliases=("--face-model",))] = FaceModelKind.DEFAULT
    """default: the CC0 head; flame: a FLAME file of your own; ict: ICT-FaceKit's folder. Yours are derived from once, in minutes."""
    file: Path | None = None
    """FLAME's .pkl or .npz, or ICT-FaceKit's folder. Keep its name: the licence is known by it."""
    components: Annotated[int, Bounds(0, 100)] = 0
    """So many of FLAME's own expressions are kept beside ARKit's 52, the first ones."""
    template: Path | None = None
    """FLAME's head_template_mesh.obj, for its texture coordinates; by default charts of the regions."""
    mediapipe: Path | None = None
    """FLAME's mediapipe_landmark_embedding.npz, for 105 landmarks; by default all are found on drawings of the model."""


@dataclass(frozen=True)
class ParametricConfig:
    """Fits the head model in two phases (latent, then pivotal tuning)."""

    latent_iterations: Annotated[int, ITERATIONS] = 60
    """Steps of the latent phase on the picture (identity, pose, expression, lighting, albedo), after landmarks and contours."""
    pivotal_iterations: Annotated[int, ITERATIONS] = 60
    """Steps of pivotal tuning on the texture, after vertex offsets and the shells of hair and clothes."""
    # Patches of skin are 3 % of the texture: below 64 texels they have none. Few devices show more than 8192.
    texture_size: Annotated[int, Bounds(64, 8192)] = 1024
    """Side of the texture in pixels."""


@dataclass(frozen=True)
class ShapePriorConfig:
    """Portrait to a coarse head and its 24 views."""

    prior: Annotated[ShapePrior, tyro.conf.arg(aliases=("--shape-prior",))] = ShapePrior.PARAMETRIC
    """parametric: fits the head model in two phases (latent, then pivotal tuning); panohead: inverts PanoHead (a checkpoint of your own)."""
    # Visibility is carried from view to view: beyond 45 degrees neighbours share too little of the head. Below 5 degrees they are the same.
    views: Annotated[int, Bounds(8, 72)] = 24
    """Views on the horizon orbit."""
    bust: Annotated[Bust, tyro.conf.arg(aliases=("--bust",))] = Bust.SHOULDERS
    """shoulders: neck, shoulders and what they wear; neck: the head ends in a ring of vertices at the base of its neck (docs/bust.md)."""
    light: Annotated[Lighting, tyro.conf.arg(aliases=("--light",))] = Lighting.PHOTO
    """photo: as photographed; even: the photograph's light is taken off, for engines that bring their own."""
    parametric: ParametricConfig = field(default_factory=ParametricConfig)
    panohead: PanoHeadConfig = field(default_factory=PanoHeadConfig)


@dataclass(frozen=True)
class WarpConfig:
    """The paper's depth-guided propagation; what carries pixels from view to view, with a diffusion model or without."""

    boundary: Annotated[float, SHARE] = 0.1
    """Weight of the warped image at the border of its visibility mask (paper, supplement 6.2)."""
    # A pixel is 0.7 mm wide: neighbours on a slope differ by that, below a tenth of it nothing agrees. A head is 25 cm deep: at half of it
    # the back of the head passes for its middle.
    depth_tolerance: Annotated[float, Bounds(1e-4, 0.1)] = 0.004
    """A pixel is visible if its depth agrees within this many metres."""


@dataclass(frozen=True)
class ImagePriorConfig:
    """Coarse views to consistent views."""

    prior: Annotated[ImagePrior, tyro.conf.arg(aliases=("--image-prior",))] = ImagePrior.WARP
    """warp: the paper's depth-guided propagation in pixel space; sdxl: a diffusion model of your own, held to the photograph."""
    warp: WarpConfig = field(default_factory=WarpConfig)
    sdxl: SdxlConfig = field(default_factory=SdxlConfig)


@dataclass(frozen=True)
class VideoPriorConfig:
    """Views to a view x time set of expressions."""

    prior: Annotated[VideoPrior, tyro.conf.arg(aliases=("--video-prior",))] = VideoPrior.MESH
    """mesh: the fitted mesh moves the pixels and fills what opens; liveportrait: the paper's own, from checkpoints of yours."""
    frontal_views: Annotated[int, Bounds(0, 71)] = 11  # all of the most views but the reference
    """Views beside the reference that are animated (paper, section 4); fewer than --shape-prior.views."""
    frames: Annotated[int, Bounds(1, 1500)] = 32  # the built-in clips have 1566 moments; more would repeat some
    """Poses picked from the driving clips; every animated view is shown in all of them."""
    size: Annotated[int, PICTURE_SIDE] = 256
    """Side of the pictures in pixels."""
    liveportrait: LivePortraitConfig = field(default_factory=LivePortraitConfig)


@dataclass(frozen=True)
class TrackingConfig:
    """Finds the motion of frames whose video prior does not know it."""

    following_iterations: Annotated[int, Bounds(1, 1000)] = 50
    """Iterations at most for each time step after the first, which starts from the one before (paper, supplement 6.3)."""
    epochs: Annotated[int, Bounds(0, 1000)] = 30
    """Rounds over all time steps in random order, with falling rates."""
    fps: Annotated[float, Bounds(1, 1000)] = 25.0
    """Time steps a second: the more, the more alike neighbours are."""
