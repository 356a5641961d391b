"""Makes a bare head model of a user's file complete: what a build needs and the file does not say is carried over from the CC0 head."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.rigging import vertices_in_regions
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model.adopted.carrying import carried_body, mirrored, neck_ring, regions
from facecraft4d.toolkit.face_model.adopted.registration import Registered, registered
from facecraft4d.toolkit.face_model.embedding import Detector, embed_landmarks, landmarks_68
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints

FIRST_LOOK = 1
"""People drawn to find the landmarks on a head whose regions are not known yet."""


def adopt(
    bare: FaceModel,
    head: FaceModel,
    detect: Detector,
    corner_uvs: Float32[np.ndarray, "f 3 2"] | None,
    components: int,
    report: Callable[[Progress], None],
) -> FaceModel:
    """A complete face model out of a bare one.

    `bare`: metres, Y up, the face towards +Z, about any origin; its regions are "skin" and, for shells that it has, the CC0 head's names
    for them ("eyes" it must have); joints as every head's. Expressions with ARKit's names are kept, those that it lacks carried over; of the
    others the first `components` stay. `head` is the CC0 head, `detect` a landmark detector, `corner_uvs` the file's own texture
    coordinates, None: charts are laid out. ValueError if the detector does not see the head as a face.
    """
    seen, _ = embed_landmarks(bare, detect, report, FIRST_LOOK)
    on = registered(head, bare, seen, report)
    bare, on = _between_ears(bare, on)
    ring = neck_ring(bare, on)
    model = replace(
        bare,
        triangle_regions=regions(bare, on),
        region_names=head.region_names,
        mirror_vertices=mirrored(bare, on),
        neck_ring=ring,
        body=carried_body(bare, on, ring),
    )
    landmarks, bias = embed_landmarks(model, detect, report)
    landmarks = _with_given(landmarks, bare.landmarks_478)
    return replace(model, landmarks_478=landmarks, landmarks_68=landmarks_68(landmarks), landmark_depth_bias=bias)


def _between_ears(bare: FaceModel, on: Registered) -> tuple[FaceModel, Registered]:
    """Both moved so that the origin is the midpoint between the ears' centres."""
    ears = on.vertices[vertices_in_regions(on.head, "ears")]
    left = ears[:, 0] > ears[:, 0].mean()
    middle = (ears[left].mean(0) + ears[~left].mean(0)) / 2
    similarity = replace(on.similarity, translation=on.similarity.translation - middle)
    moved = replace(on, similarity=similarity, start=on.start - middle, vertices=on.vertices - middle)
    return replace(bare, vertices=(bare.vertices - middle).astype(np.float32)), moved


def _with_given(found: SurfacePoints, given: SurfacePoints | None) -> SurfacePoints:
    """The found landmarks, those that the file gives as it gives them."""
    if given is None:
        return found
    known = given.validity > 0
    return SurfacePoints(
        np.where(known, given.triangles, found.triangles),
        np.where(known[:, None], given.barycentrics, found.barycentrics),
        np.where(known, given.validity, found.validity),
    )
