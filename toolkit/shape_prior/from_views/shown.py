"""The views as what a texture is made of: within the dressed head, under the light that is asked for, glasses taken off."""

from dataclasses import replace

import numpy as np
import scipy.ndimage

from facecraft4d.toolkit.config import Bust, Lighting
from facecraft4d.toolkit.core.datatypes import Mesh, Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model.model import FaceModel, personalized_rig, surface_positions
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.shape_prior.from_views.fitted import FittedViews
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.neck import within_mesh
from facecraft4d.toolkit.shape_prior.parametric.paint.even import evenly_lit
from facecraft4d.toolkit.shape_prior.parametric.paint.spread import light_of
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import reference_view
from facecraft4d.toolkit.shape_prior.parametric.shells.eyewear import Glasses, in_picture, without

Pictures = tuple[Portrait, ...]
"""The views as portraits: the photograph, then the others with the model's landmarks where it has them."""


def pictures_of(model: FaceModel, fitted: FittedViews, portrait: Portrait, views: ViewSet) -> Pictures:
    """The views, given in the head's world, as portraits."""
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    identity, pose = fitted.latent.identity.astype(np.float32), fitted.latent.pose(model)
    posed = pose_vertices(personalized_rig(model, identity, fitted.offsets), pose)
    points = surface_positions(model.landmarks_478, model.triangles, posed).astype(np.float64)
    found = [portrait]
    for view in views.views[1:]:
        pixels, depth = project(view.camera, points)
        landmarks = np.column_stack([pixels, view.camera.fx * (depth / depth.mean() - 1)]).astype(np.float32)
        found.append(replace(portrait, image=view.image, alpha=view.mask, landmarks=landmarks))
    return tuple(found)


def within_head(
    pictures: Pictures, segments: tuple[Segments, ...], views: ViewSet, assembly: Assembly, bust: Bust
) -> tuple[Pictures, tuple[Segments, ...]]:
    """What the pictures show of the head: below the chin what lies within the dressed mesh."""
    blank = Mesh(assembly.posed, assembly.rig.triangles, assembly.corner_uvs, np.ones((2, 2, 3), np.float32))
    cut = [
        within_mesh(picture, labels, blank, view.camera, bust)
        for picture, labels, view in zip(pictures, segments, views.views, strict=True)
    ]
    return tuple(picture for picture, _ in cut), tuple(labels for _, labels in cut)


def lit(
    pictures: Pictures, segments: tuple[Segments, ...], views: ViewSet, assembly: Assembly, light: Lighting
) -> Pictures:
    """The pictures under the light that is asked for; the photograph's skin tells theirs, which goes round with the head."""
    if light is Lighting.PHOTO:
        return pictures
    camera = views.views[0].camera
    told = light_of(assembly, reference_view(pictures[0], segments[0], camera, assembly))
    return tuple(
        evenly_lit(picture, view.camera, assembly, told) for picture, view in zip(pictures, views.views, strict=True)
    )


def bared(pictures: Pictures, views: ViewSet, assembly: Assembly, worn: Glasses | None) -> Pictures:
    """The pictures without the glasses."""
    if worn is None:
        return pictures
    return tuple(
        without(picture, in_picture(worn, view.camera, assembly.posed, assembly.rig.triangles))
        for picture, view in zip(pictures, views.views, strict=True)
    )


def as_views(pictures: Pictures, views: ViewSet) -> ViewSet:
    """The views with other pictures; what a matte has beside the depths takes the nearest one."""
    return replace(
        views, views=tuple(_as_view(picture, view) for picture, view in zip(pictures, views.views, strict=True))
    )


def _as_view(picture: Portrait, view: View) -> View:
    depth = view.depth
    if (depth > 0).any():
        near = scipy.ndimage.distance_transform_edt(depth <= 0, return_distances=False, return_indices=True)
        depth = np.where(picture.alpha > 0, depth[tuple(near)], 0).astype(np.float32)
    return View(view.camera, picture.image, picture.alpha, depth)
