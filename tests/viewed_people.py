"""Synthetic people as a prior hands them on that imagines views and a surface: pictures from all around with depths, and a closed surface."""

from dataclasses import dataclass, replace

import numpy as np
from closed_surfaces import HALF_THICK, carved

from facecraft4d.toolkit.core.datatypes import Portrait, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera, vertex_normals
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import in_regions, pose_from_weights, pose_vertices, with_part
from facecraft4d.toolkit.landmarks import FaceLandmarker, head_rotation
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed
from facecraft4d.toolkit.subjects.people import TARGET, Subject
from facecraft4d.toolkit.subjects.sets import render_view
from facecraft4d.toolkit.subjects.wear import grid

RADIUS = 1.55
"""Metres, from which the portrait's camera shows head and shoulders."""
WIDER = 1.25
"""As far off is the surface seen from: it reaches beyond the pictures, as a generator's does."""
THROAT = -0.1
"""Metres: lower down the neck's skin lies below clothes."""
SHOWN = {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.3, "browInnerUp": 0.3}

BACK = -0.03
"""Metres from the origin to the middle of the shoulders, along Z."""
JUMPER, THREAD = (0.45, 0.12, 0.14), 4
"""Its colour; texels in the texture's last corner, beyond all charts, that have it."""


@dataclass(frozen=True, slots=True, eq=False)
class Viewed:
    """A person seen from all around."""

    portrait: Portrait
    views: ViewSet
    surface: Closed
    skin: np.ndarray
    """Points [n, 3] of the person's face and ears that the views show, metres."""
    neck: np.ndarray
    """The same of the neck."""


def viewed(subject: Subject, size: int, count: int = 24) -> Viewed:
    """The person in a jumper, faintly smiling, in `count` views."""
    subject = clothed(subject)
    pose, texture = pose_from_weights(subject.truth, SHOWN), subject.texture()
    texture[-THREAD:, -THREAD:] = JUMPER
    yaws = tuple(360.0 / count * index for index in range(count))

    def seen_from(radius: float) -> ViewSet:
        cameras = [orbit_camera(yaw, 0.0, radius, size, TARGET) for yaw in yaws]
        return ViewSet(tuple(render_view(subject, texture, pose, camera) for camera in cameras), yaws)

    views = seen_from(RADIUS)
    landmarker = FaceLandmarker()
    found = landmarker(np.ascontiguousarray(to_bytes(views.views[0].image)))
    assert found is not None
    rotation = np.asarray(head_rotation(found.landmarks, landmarker.canonical), np.float32)
    front, identity = views.views[0], np.eye(3, dtype=np.float32)
    portrait = Portrait(front.image, front.mask, found.landmarks, found.expression, rotation, identity)
    posed = pose_vertices(subject.truth, pose)
    rig = subject.truth
    face = in_regions(rig, "skin", "lips", "ears")
    neck = in_regions(rig, "neck") & (posed[rig.triangles, 1].min(1) > THROAT)
    seen = (seen_places(subject, posed, views, wanted) for wanted in (face, neck))
    return Viewed(portrait, views, carved(seen_from(WIDER * RADIUS), sheets(subject, posed)), *seen)


def clothed(subject: Subject) -> Subject:
    """The person in a plain jumper, from the throat over shoulders to below every picture."""
    heights = np.array([-0.112, -0.114, -0.118, -0.126, -0.136, -0.148, -0.164, -0.19, -0.23])
    wide = np.array([0.062, 0.066, 0.074, 0.1, 0.132, 0.158, 0.176, 0.19, 0.196])
    deep = np.array([0.064, 0.067, 0.072, 0.08, 0.088, 0.096, 0.102, 0.108, 0.112])
    angle = np.radians(np.arange(0, 360, 5))
    y = np.tile(heights[:, None], len(angle))
    body = grid(np.stack([np.outer(wide, np.sin(angle)), y, np.outer(deep, np.cos(angle)) + BACK], -1), closed=True)
    rig, truth = (
        with_part(each, body.vertices, body.triangles, "clothes", "root") for each in (subject.rig, subject.truth)
    )
    uvs = np.full((len(body.triangles), 3, 2), 1 - THREAD / 2 / subject.canvas.size, np.float32)
    return replace(subject, rig=rig, truth=truth, corner_uvs=np.concatenate([subject.corner_uvs, uvs]))


def sheets(subject: Subject, posed: np.ndarray) -> np.ndarray:
    """Points in the middle of what has no inside on the model, hair that hangs and the neck's skirt, had it one: as thick as carving asks."""
    rig = subject.truth
    normals, middles = vertex_normals(posed, rig.triangles), []
    for region in ("hair", "neck"):
        triangles = rig.triangles[in_regions(rig, region)]
        corners, inwards = posed[triangles], -normals[triangles]
        if region == "hair":  # some of it is wound the other way
            radial = corners * [1, 0, 1]
            inwards = -radial / np.maximum(np.linalg.norm(radial, axis=-1, keepdims=True), HALF_THICK)
        deep = corners + HALF_THICK * inwards
        middles += [deep.mean(1), deep.reshape(-1, 3), (deep + np.roll(deep, 1, 1)).reshape(-1, 3) / 2]
    return np.concatenate(middles)


def seen_places(subject: Subject, posed: np.ndarray, views: ViewSet, wanted: np.ndarray) -> np.ndarray:
    """Places on the wanted triangles at the centres of pixels."""
    rig, places = subject.truth, []
    for view in views.views[:: max(1, len(views.views) // 8)]:
        fragments = rasterize(view.camera, posed, rig.triangles)
        hit = fragments.covered & wanted[fragments.triangle]
        corners = posed[rig.triangles[fragments.triangle[hit]]]
        places.append(np.einsum("nc,ncx->nx", fragments.barycentrics[hit], corners)[::7])
    return np.concatenate(places)


def first_views(person: Viewed, count: int) -> ViewSet:
    """Only so many of the views."""
    return replace(person.views, views=person.views.views[:count], yaws_degrees=person.views.yaws_degrees[:count])
