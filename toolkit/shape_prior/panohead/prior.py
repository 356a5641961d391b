"""PanoHead as a shape prior (paper, section 3.1): a portrait inverted, its head seen from all around, and a face model fitted to that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.config import FaceModelConfig, PanoHeadConfig, ShapePriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Coarse, Portrait, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.device import ELSEWHERE, within_memory
from facecraft4d.toolkit.losses import Trunk, lpips, perceptual_ingredient
from facecraft4d.toolkit.needs import Needs, joined
from facecraft4d.toolkit.shape_prior import from_views
from facecraft4d.toolkit.shape_prior.from_views.head import head_of_views
from facecraft4d.toolkit.shape_prior.panohead import brought
from facecraft4d.toolkit.shape_prior.panohead.cameras import intrinsics, label, orbited
from facecraft4d.toolkit.shape_prior.panohead.crop import (
    Matrix,
    cut_out,
    picture_from_portrait,
    portrait_camera,
    seen_from,
    turned,
)
from facecraft4d.toolkit.shape_prior.panohead.descent import Course
from facecraft4d.toolkit.shape_prior.panohead.drift import drift
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.shape_prior.panohead.inversion import Inverted, invert
from facecraft4d.toolkit.shape_prior.panohead.likeness import Likeness
from facecraft4d.toolkit.shape_prior.panohead.surface import UNTUNED, Surface, surface_of, write_surface
from facecraft4d.toolkit.shape_prior.panohead.tuning import tune
from facecraft4d.toolkit.shape_prior.panohead.views import figure, photograph
from facecraft4d.toolkit.shape_prior.panohead.world import views_around, world_from_box

STAGE, NAME = "shape_prior", "--shape-prior panohead"
SHAPE = "shape"
"""The stage's folder for the surface."""
SIDES = 4
"""From which the surface is looked at before and after tuning."""


def needs(config: ShapePriorConfig, chosen: FaceModelConfig) -> Needs:
    """The checkpoint, the network that compares pictures for the inversion, and what the head is fitted with."""
    own = Needs(packages=("skimage",), weights=("lpips_vgg16",))
    return joined((brought.needs(config.panohead), own, from_views.needs(chosen)))


def check(config: ShapePriorConfig, report: Callable[[Progress], None]) -> None:
    """UserError for a checkpoint that is something else: it is read as a whole."""
    brought.load(config.panohead, "cpu", STAGE, report)


def run(portrait: Portrait, config: ShapePriorConfig, chosen: FaceModelConfig, context: StageContext) -> Coarse:
    """Invert the portrait, look at the head from all around, and fit the chosen head model to what is seen.

    UserError for a checkpoint that is none, a loss that is no number, a device with too little memory, and a head that no model is like.
    """
    path, generator = brought.load(config.panohead, context.device, STAGE, context.report)
    with within_memory(context.device, NAME, "its generator", ELSEWHERE), explained(path):
        imagined = imagine(portrait, generator, config, chosen, context)
    coarse = head_of_views(portrait, imagined.views, imagined.surface, config, chosen, context)
    folder = context.folder / SHAPE
    write_surface(imagined.surface, imagined.views, coarse.views, folder)
    write_surface(imagined.untuned, imagined.views, coarse.views, folder, (UNTUNED,))
    used = (brought.ingredient(path), perceptual_ingredient(Trunk.VGG16), *coarse.ingredients)
    return replace(coarse, ingredients=used, notes=imagined.notes, folder=folder)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """UserError in one line for what only running a checkpoint can find out."""
    try:
        yield
    except FloatingPointError as error:
        raise UserError(
            f"{path}: expected a checkpoint that shows heads, found that {error}; take the file as it was published"
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class Imagined:
    """What the generator knows of a portrait's head: metres, with the origin about between the ears and the face along +Z."""

    views: ViewSet
    surface: Surface
    untuned: Surface
    """What the surface was before pivotal tuning."""
    notes: tuple[str, ...]


def imagine(
    portrait: Portrait,
    generator: Generator,
    config: ShapePriorConfig,
    chosen: FaceModelConfig,
    context: StageContext,
) -> Imagined:
    """The inverted portrait's views and surface. UserError where it shows no head, FloatingPointError where a loss is no number."""
    options, side = config.panohead, generator.architecture.resolution
    matrix = picture_from_portrait(portrait, side)
    found = _inverted(portrait, matrix, generator, options, context)
    pose, middle = (
        each[0].cpu().numpy() for each in (found.pivot.labels[:, :16].view(1, 4, 4), found.pivot.translation)
    )
    head, before = (figure(each, found.pivot.rows) for each in (found.tuned, generator))
    camera = portrait_camera(matrix, pose, side, portrait.image.shape[0])
    first = photograph(head, portrait, camera, matrix, options.depth_rays)
    place = world_from_box(face_model.load(chosen, context.report), portrait, first)

    def seen(views: int) -> None:
        context.report(Progress(STAGE, views, config.views, "looking around"))

    views = views_around(head, first, middle.astype(np.float64), place, config.views, options.depth_rays, seen)
    surface, untuned = (
        surface_of(each, options.mesh_cells, options.surface_density).placed(place) for each in (head, before)
    )
    cameras = tuple(place.inverse.camera(each.camera) for each in views.views[:: max(config.views // SIDES, 1)])
    return Imagined(views, surface, untuned, (found.told, drift(before, head, cameras, place.scale)))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The portrait's rows and camera, the generator tuned to it, and in words how like it is."""

    pivot: Inverted
    tuned: Generator
    told: str


def _inverted(
    portrait: Portrait, matrix: Matrix, generator: Generator, options: PanoHeadConfig, context: StageContext
) -> _Found:
    target = torch.from_numpy(cut_out(portrait.image, matrix, generator.architecture.resolution))
    likeness = Likeness(target.permute(2, 0, 1)[None].to(context.device), lpips(Trunk.VGG16, device=context.device))
    labels = first_labels(portrait, matrix, options.pitch_offset).to(context.device)
    total = options.inversion_steps + options.tuning_steps

    def course(before: int) -> Course:
        def tell(step: int, message: str, losses: dict[str, float]) -> None:
            context.report(Progress(STAGE, before + step, total, message, losses))

        def say(note: str) -> None:
            context.report(Progress(STAGE, before, total, notes=(note,)))

        return Course(context.seed, context.folder, tell, say)

    pivot = invert(generator, likeness, labels, options, course(0))
    tuned, losses = tune(generator, likeness, pivot, options, course(options.inversion_steps))
    ends = [f"{each['perceptual'][-1]:.3f}" for each in (pivot.losses, losses) if each]
    steps = len(losses.get("perceptual", ()))
    told = f"LPIPS (VGG16) between the generator's picture and the photograph at the last step of inversion and of tuning ({steps} steps): "
    return _Found(pivot, tuned, told + (", ".join(ends) or "not looked at"))


def first_labels(portrait: Portrait, matrix: Matrix, pitch_offset: float) -> Float32[Tensor, "1 25"]:
    """The camera that the landmarks say, `pitch_offset` degrees higher."""
    camera_from_head = turned(matrix, portrait.head_rotation)
    labels = label(seen_from(camera_from_head), intrinsics().astype(np.float64))
    down = torch.tensor(-np.radians(pitch_offset), dtype=torch.float32)
    return orbited(labels, torch.zeros_like(down), down)
