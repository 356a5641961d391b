"""Makes a bare head model of a user's file complete: what a build needs and the file does not say is carried over from the CC0 head."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.rigging import vertices_in_regions
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model.adopted.carrying import (
    carried_body,
    jointed,
    knows_joints,
    mirrored,
    neck_ring,
    regions,
)
from facecraft4d.toolkit.face_model.adopted.cavity import cavity, mouth_edge
from facecraft4d.toolkit.face_model.adopted.charts import beside, charts
from facecraft4d.toolkit.face_model.adopted.expressions import carried_expressions
from facecraft4d.toolkit.face_model.adopted.parts import with_part
from facecraft4d.toolkit.face_model.adopted.registration import Registered, registered
from facecraft4d.toolkit.face_model.adopted.teeth import teeth
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
    for them ("eyes" it must have); joints as every head's, those of the CC0 head where no skin rides on root or jaw. Expressions with ARKit's
    names are kept, those that it lacks carried over; of the others the first `components` stay. `head` is the CC0 head, `detect` a landmark
    detector, `corner_uvs` the file's own texture coordinates, None: charts are laid out. ValueError if the detector does not see the head as a face.
    """
    seen, _ = embed_landmarks(bare, detect, report, FIRST_LOOK)
    on = registered(head, bare, seen, report)
    bare, on = _between_ears(bare, on)
    if not knows_joints(bare):
        bare = jointed(bare, on)
    ring = neck_ring(bare, on)
    bare = with_expressions(bare, on, components)
    model = with_parts(bare, on)
    model = replace(
        model,
        triangle_regions=np.append(regions(bare, on), model.triangle_regions[len(bare.triangles) :]),
        mirror_vertices=mirrored(bare, model.vertices, on),
        neck_ring=ring,
        body=carried_body(bare, on, ring),
    )
    uvs = charts(model, bare, on) if corner_uvs is None else beside(corner_uvs, model)
    model = replace(model, corner_uvs=uvs)
    landmarks, bias = embed_landmarks(model, detect, report)
    landmarks = _with_given(landmarks, bare.landmarks_478)
    return replace(model, landmarks_478=landmarks, landmarks_68=landmarks_68(landmarks), landmark_depth_bias=bias)


def with_expressions(bare: FaceModel, on: Registered, components: int) -> FaceModel:
    """ARKit's 52 first, the file's own where it has them, then `components` of its others."""
    carried = carried_expressions(bare, on)
    own = dict(zip(bare.expression_names, bare.expression_deltas, strict=True))
    others = [name for name in bare.expression_names if name not in ARKIT_NAMES][:components]
    deltas = [own.get(name, carried[index]) for index, name in enumerate(ARKIT_NAMES)]
    return replace(
        bare,
        expression_names=(*ARKIT_NAMES, *others),
        expression_deltas=np.stack([*deltas, *(own[name] for name in others)]).astype(np.float32),
    )


def with_parts(bare: FaceModel, on: Registered) -> FaceModel:
    """With teeth and a pocket behind them where the file has none. Its triangles' regions are named as the CC0 head's."""
    names = on.head.region_names
    numbers = np.array([names.index(name) for name in bare.region_names], np.uint8)
    model = replace(bare, triangle_regions=numbers[bare.triangle_regions], region_names=names)
    if "teeth" not in bare.region_names:
        model = with_part(model, teeth(bare, on))
    if "mouth_interior" in bare.region_names:
        return model
    edge = mouth_edge(bare, on)
    return with_part(model, cavity(bare, on, edge, len(model.vertices))) if len(edge) else model


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
