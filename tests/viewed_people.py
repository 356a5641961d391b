"""Synthetic people as a prior hands them on that imagines views and a surface: pictures from all around with depths, and a closed surface."""

from dataclasses import dataclass, replace

import numpy as np
from closed_surfaces import carved

from facecraft4d.toolkit.core.datatypes import Portrait, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import in_regions, pose_from_weights, pose_vertices
from facecraft4d.toolkit.landmarks import FaceLandmarker, head_rotation
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed
from facecraft4d.toolkit.subjects.people import TARGET, Subject
from facecraft4d.toolkit.subjects.sets import render_view

RADIUS = 1.55
"""Metres, from which the portrait's camera shows head and shoulders."""
SHOWN = {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.3, "browInnerUp": 0.3}


@dataclass(frozen=True, slots=True, eq=False)
class Viewed:
    """A person seen from all around."""

    portrait: Portrait
    views: ViewSet
    surface: Closed
    skin: np.ndarray
    """Points [n, 3] of the person's skin that the views show, metres."""


def viewed(subject: Subject, size: int, count: int = 24) -> Viewed:
    """The person, faintly smiling, in `count` views."""
    pose, texture = pose_from_weights(subject.truth, SHOWN), subject.texture()
    yaws = tuple(360.0 / count * index for index in range(count))
    cameras = [orbit_camera(yaw, 0.0, RADIUS, size, TARGET) for yaw in yaws]
    views = ViewSet(tuple(render_view(subject, texture, pose, camera) for camera in cameras), yaws)
    landmarker = FaceLandmarker()
    found = landmarker(np.ascontiguousarray(to_bytes(views.views[0].image)))
    assert found is not None
    rotation = np.asarray(head_rotation(found.landmarks, landmarker.canonical), np.float32)
    front, identity = views.views[0], np.eye(3, dtype=np.float32)
    portrait = Portrait(front.image, front.mask, found.landmarks, found.expression, rotation, identity)
    return Viewed(portrait, views, carved(views), seen_skin(subject, pose_vertices(subject.truth, pose), views))


def seen_skin(subject: Subject, posed: np.ndarray, views: ViewSet) -> np.ndarray:
    """Places on the face's skin at the centres of pixels."""
    rig, places = subject.truth, []
    skin = in_regions(rig, "skin", "lips", "ears", optional=True)
    for view in views.views[:: max(1, len(views.views) // 8)]:
        fragments = rasterize(view.camera, posed, rig.triangles)
        hit = fragments.covered & skin[fragments.triangle]
        corners = posed[rig.triangles[fragments.triangle[hit]]]
        places.append(np.einsum("nc,ncx->nx", fragments.barycentrics[hit], corners)[::7])
    return np.concatenate(places)


def first_views(person: Viewed, count: int) -> ViewSet:
    """Only so many of the views."""
    return replace(person.views, views=person.views.views[:count], yaws_degrees=person.views.yaws_degrees[:count])
