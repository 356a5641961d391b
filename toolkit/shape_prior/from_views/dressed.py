"""The fitted head dressed in the closed surface: shells of hair and clothes that lie where the surface does, skin tucked in below them."""

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.config import Bust
from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.face_model.lids import with_meeting_lids
from facecraft4d.toolkit.face_model.model import FaceModel, personalized_rig
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed
from facecraft4d.toolkit.shape_prior.from_views.clothes import torso_sheet
from facecraft4d.toolkit.shape_prior.from_views.fitted import FittedViews
from facecraft4d.toolkit.shape_prior.from_views.labels import HAIR
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly, assemble, tuck
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    COLUMNS,
    CROWN_CENTER,
    SPACING_METRES,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    capsule_grid,
    last_hits,
    outer_radii,
    sheet_triangles,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, Shell
from facecraft4d.toolkit.shape_prior.parametric.shells.smooth import border_distance, membrane

SHELLED = ("skin", "lips", "eyelids", "scalp", "neck")
"""Regions of skin that hair lies on."""
EDGE, EDGE_LENGTH, FAR = 0.007, 0.004, 0.03
"""Metres on both sides of the hair's edge over which presence falls from 1 to 0; over which the edge is smoothed; beyond which it does not
matter how far from the edge a place is."""
DIVE, LEAST = 0.008, 0.002
"""Metres below the skin at which the sheet goes on where there is no hair, and that hair stands off skin at least."""
HAIR_LENGTH = 0.003
"""Metres over which the sheet of hair is smoothed: strands are finer than its rays are apart."""


def dressed(model: FaceModel, fitted: FittedViews, surface: Closed, bust: Bust) -> Assembly:
    """The personalised head with its shells; `surface` in the head's world."""
    identity, pose = fitted.latent.identity.astype(np.float32), fitted.latent.pose(model)
    posed = pose_vertices(personalized_rig(model, identity, fitted.offsets), pose)

    def part(*names: str) -> np.ndarray:
        return np.asarray(model.triangles[in_regions(model, *names)])

    scalp, ears = (posed[np.unique(part(name))].astype(np.float64) for name in ("scalp", "ears"))
    head = FittedHead(fitted.latent.camera, fitted.segments[0], posed, part(*SHELLED), scalp, part("scalp"), ears)
    if model.neck_ring is None:
        raise ValueError("model must know the ring around its neck, got neck_ring=None")
    torso = torso_sheet(head, surface, fitted.shares, part("neck"), posed[model.neck_ring])
    hair = hair_sheet(head, surface, fitted.shares, torso)
    tucked = fitted.offsets + tuck(posed, hair, part("scalp", "ears", "skin"))
    if bust is Bust.SHOULDERS:
        tucked = (tucked + tuck(posed, torso, part("neck"))).astype(np.float32)
    rig = with_meeting_lids(personalized_rig(model, identity, tucked), pose)
    bare = np.zeros(len(posed), np.float32)
    return assemble(model, rig, pose, hair, torso if bust is Bust.SHOULDERS else None, bare)


def hair_sheet(head: FittedHead, surface: Closed, shares: Float32[np.ndarray, "s 3"], torso: Shell) -> Shell:
    """The sheet of hair and headwear: where the surface is labelled hair, as far out as that is, skin on its way or not."""
    grid = _grid(head, surface, shares, torso)
    bare = outer_radii(grid, head.vertices, head.triangles)
    hairy = (shares.argmax(-1) == HAIR)[surface.triangles].sum(1) > 1
    outer = last_hits(grid, surface.vertices, surface.triangles[hairy])
    mask = outer > bare - DIVE
    outer = np.where(mask, outer, bare)
    points = grid.points(outer)
    edge = border_distance(mask, points).clip(-FAR, FAR)
    edge = membrane(points, edge, np.ones_like(edge), EDGE_LENGTH)
    edge[-1] = -EDGE
    inner = bare + np.maximum(edge / EDGE, -1) * DIVE
    calm = membrane(points, outer - bare, mask + 1e-3, HAIR_LENGTH) + bare
    radii = np.where(edge > 0, np.maximum(calm, bare + LEAST), inner)
    rim = grid.points(radii)
    vertices = np.concatenate([rim.reshape(-1, 3), rim[[0, -1]].mean(1)])
    present = np.clip(0.5 + edge / (2 * EDGE), 0, 1)
    return Shell(grid, vertices, sheet_triangles(*radii.shape), present, True, np.zeros_like(present))


def _grid(head: FittedHead, surface: Closed, shares: Float32[np.ndarray, "s 3"], torso: Shell) -> ShellGrid:
    """Rays from the crown down to where hair ends."""
    low, high = head.scalp.min(0), head.scalp.max(0)
    center = np.array([0.0, low[1] + CROWN_CENTER * (high[1] - low[1]), (low[2] + high[2]) / 2])
    hair = surface.vertices[shares.argmax(1) == HAIR, 1]
    lowest = float(hair.min()) if len(hair) else float(low[1])
    bottom = max(lowest, float(torso.vertices[:, 1].min()))
    return capsule_grid(center, min(bottom, float(low[1])) - 3 * SPACING_METRES, COLUMNS, SPACING_METRES)
