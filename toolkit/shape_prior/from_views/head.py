"""A dressed, textured head from views all around: what a prior ends with that imagines pictures and a surface, but no rig."""

from dataclasses import replace

import numpy as np

from facecraft4d.toolkit import face_model, weights
from facecraft4d.toolkit.config import FaceModelConfig, ShapePriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Coarse, Head, Mesh, Portrait, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.losses import Trunk, perceptual_ingredient
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.from_views.closed import HasSurface, closed_surface
from facecraft4d.toolkit.shape_prior.from_views.coloured import texture_of_views
from facecraft4d.toolkit.shape_prior.from_views.dressed import dressed
from facecraft4d.toolkit.shape_prior.from_views.fitted import fit_views, moved_views
from facecraft4d.toolkit.shape_prior.from_views.sighted import SOLID, look
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import reference_view
from facecraft4d.toolkit.shape_prior.parametric.paint.tuning import tune_texture

STAGE = "shape_prior"
LEAST_IOU = 0.5
"""Of the silhouettes of views and head, in the mean: below, they are not of one head."""


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

    UserError where the views show no head that the model could be.
    """
    model = face_model.load(chosen, context.report)
    closed = closed_surface(surface)

    def tell(step: int, message: str, losses: dict[str, float] | None = None) -> None:
        context.report(Progress(STAGE, step, 4, message, losses or {}))

    tell(0, "faces")
    sightings = look(views)
    tell(1, "shape")
    fitted = fit_views(model, portrait, views, sightings, closed)
    motion = fitted.world_from_given(views)
    views, closed = moved_views(views, motion), closed.moved(motion)
    assembly = dressed(model, fitted, closed, config.bust)
    found = silhouette_iou(assembly, views)
    if found < LEAST_IOU:
        raise UserError(refusal(found))
    tell(2, "texture", {"iou": found})
    photo = reference_view(portrait, fitted.segments[0], fitted.latent.camera, assembly)
    texture = texture_of_views(assembly, views, photo, config.parametric.texture_size)
    mesh = Mesh(assembly.rig.vertices, assembly.rig.triangles, assembly.corner_uvs, texture)
    posed = replace(mesh, vertices=assembly.posed)
    texture, losses = tune_texture(posed, photo, config.parametric.pivotal_iterations)
    tell(4, "done", losses)
    used = (
        *model.ingredients,
        weights.as_ingredient("face_landmarker", "landmarks and expression scores"),
        perceptual_ingredient(Trunk.ALEXNET),
    )
    return Coarse(views, Head(assembly.rig, replace(mesh, texture=texture), fitted.latent.pose(model)), used)


def silhouette_iou(assembly: Assembly, views: ViewSet) -> float:
    """Mean over the views of what the head's silhouette and the view's matte have in common, of all that either has."""
    shares = []
    for view in views.views:
        drawn, matte = rasterize(view.camera, assembly.posed, assembly.rig.triangles).covered, view.mask > SOLID
        shares.append((drawn & matte).sum() / max(int((drawn | matte).sum()), 1))
    return float(np.mean(shares))


def refusal(iou: float) -> str:
    """What the user is told of an inversion that failed."""
    return (
        f"the inverted head does not match the photograph: silhouette IoU {iou:.2f}, expected {LEAST_IOU} at least; "
        "try another seed, more inversion steps or a photograph from nearer the front"
    )
