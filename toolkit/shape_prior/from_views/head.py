"""A dressed, textured head from views all around: what a prior ends with that imagines pictures and a surface, but no rig."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit import cache, face_model, weights
from facecraft4d.toolkit.config import FaceModelConfig, ShapePriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, Coarse, Head, Mesh, Portrait, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.images import overlap
from facecraft4d.toolkit.landmarks.points import CHIN
from facecraft4d.toolkit.losses import Trunk, perceptual_ingredient
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed, HasSurface, closed_surface
from facecraft4d.toolkit.shape_prior.from_views.coloured import texture_of_views
from facecraft4d.toolkit.shape_prior.from_views.dressed import dressed
from facecraft4d.toolkit.shape_prior.from_views.fitted import FittedViews, fit_views, moved_views
from facecraft4d.toolkit.shape_prior.from_views.shown import (
    Pictures,
    as_views,
    bared,
    lit,
    pictures_of,
    within_head,
)
from facecraft4d.toolkit.shape_prior.from_views.sighted import SOLID, Sightings, look
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import reference_view
from facecraft4d.toolkit.shape_prior.parametric.paint.tuning import tune_texture
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import find_glasses, with_glasses

STAGE, STEPS = "shape_prior", ("faces", "shape", "texture", "done")
LEAST_IOU = 0.5
"""Of silhouettes, below which they are not of one head."""


def head_of_views(
    portrait: Portrait,
    views: ViewSet,
    surface: HasSurface,
    config: ShapePriorConfig,
    chosen: FaceModelConfig,
    context: StageContext,
) -> Coarse:
    """Fit the chosen head model to views from all around and dress it in the closed surface that they show.

    `views`: view 0 is the photograph; all have masks and depths in metres, in a world with the origin about between the ears, the face along
    +Z. `surface`: skin, hair and clothes in one, closed, in that world. The result's views stand in the head's own world, a rigid motion away.
    What takes long is kept in the stage's folder: a killed run ends with the same bytes.

    UserError where the views show no head that the model could be.
    """
    model = face_model.load(chosen, context.report)
    closed = closed_surface(surface)
    key = cache.digest_of(
        portrait,
        views,
        closed.vertices,
        closed.triangles,
        model.ingredients,
        model.identity_names,
        model.expression_names,
    )
    work = _Work(model, portrait, config, context, key)
    work.tell(0)
    sightings = cache.kept_part(context, STAGE, "faces", key, Sightings, lambda: look(views))
    work.tell(1)
    fitted = cache.kept_part(
        context,
        STAGE,
        "shape",
        key,
        FittedViews,
        lambda: fit_views(model, portrait, views, sightings, closed, context.report),
    )
    motion = fitted.world_from_given(views)
    views, closed = moved_views(views, motion), closed.moved(motion)
    assembly = dressed(model, fitted, closed, config.bust)
    check_silhouettes(assembly, closed, views, portrait)
    work.tell(2)
    return work.coloured(fitted, views, assembly)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What stays the same."""

    model: FaceModel
    portrait: Portrait
    config: ShapePriorConfig
    context: StageContext
    key: str
    """Names what the parts are made of."""

    def tell(self, step: int) -> None:
        self.context.report(Progress(STAGE, step, len(STEPS) - 1, STEPS[step]))

    def coloured(self, fitted: FittedViews, views: ViewSet, assembly: Assembly) -> Coarse:
        """The result, its texture from the views."""
        model, config, camera = self.model, self.config, views.views[0].camera
        pictures = pictures_of(model, fitted, self.portrait, views)
        pictures, segments = within_head(pictures, fitted.segments, views, assembly, config.bust)
        worn = find_glasses(pictures[0], camera, assembly.rig, assembly.posed)
        pictures = lit(pictures, segments, views, assembly, config.light)
        bare = bared(pictures, views, assembly, worn)
        key = cache.digest_of(self.key, config.parametric, config.bust, config.light)
        texture = cache.kept_part(
            self.context, STAGE, "texture", key, _Texture, lambda: self._texture(bare, segments[0], views, assembly)
        ).texture
        rig, pose = assembly.rig, fitted.latent.pose(model)
        mesh = Mesh(rig.vertices, rig.triangles, assembly.corner_uvs, texture)
        if worn is not None:
            rig, mesh = with_glasses(rig, mesh, pose, worn)
        self.tell(3)
        found_by = weights.as_ingredient("face_landmarker", "landmarks and expression scores")
        used = (*model.ingredients, found_by, perceptual_ingredient(Trunk.ALEXNET))
        return Coarse(as_views(pictures, views), Head(rig, mesh, pose), used)

    def _texture(self, bare: Pictures, segments: Segments, views: ViewSet, assembly: Assembly) -> "_Texture":
        """From all views, then tuned until the head looks like the photograph where that shows it squarely."""
        options = self.config.parametric
        photo = reference_view(bare[0], segments, views.views[0].camera, assembly)
        texture = texture_of_views(assembly, as_views(bare, views), photo, options.texture_size)
        posed = Mesh(assembly.posed, assembly.rig.triangles, assembly.corner_uvs, texture)
        tuned, losses = tune_texture(posed, photo, options.pivotal_iterations)
        self.context.report(Progress(STAGE, 2, len(STEPS) - 1, STEPS[2], losses))
        return _Texture(tuned)


@dataclass(frozen=True, slots=True, eq=False)
class _Texture:
    texture: Float32[np.ndarray, "s s 3"]


def check_silhouettes(assembly: Assembly, closed: Closed, views: ViewSet, portrait: Portrait) -> None:
    """UserError where the dressed head is not what the views show, or the surface, down to the chin, not what the photograph does.

    Below the chin the photograph may show more than the picture that the surface was imagined in.
    """
    camera, chin = views.views[0].camera, int(portrait.landmarks[CHIN, 1]) + 1
    imagined = overlap(_silhouette(camera, closed)[:chin], portrait.alpha[:chin] > SOLID)
    heads = [overlap(_silhouette(view.camera, assembly), view.mask > SOLID) for view in views.views]
    found = min(imagined, float(np.mean(heads)))
    if found < LEAST_IOU:
        raise UserError(
            f"the inverted head does not match the photograph: silhouette IoU {found:.2f}, expected {LEAST_IOU} at least; "
            "try another seed, more inversion steps or a photograph from nearer the front"
        )


def _silhouette(camera: Camera, shape: Closed | Assembly) -> np.ndarray:
    if isinstance(shape, Assembly):
        return rasterize(camera, shape.posed, shape.rig.triangles).covered
    return rasterize(camera, shape.vertices, shape.triangles).covered
