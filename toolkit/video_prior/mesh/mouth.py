"""The inside of a mouth that the photograph shows closed: teeth in their gums, tongue, and the light that reaches them."""

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.face_model.mouth import CAVITY_RGB, TOOTH_RGB, tongue_colors, tooth_colors
from facecraft4d.toolkit.images import distance_inside
from facecraft4d.toolkit.meshes.raster import Fragments, interpolate
from facecraft4d.toolkit.video_prior.mesh.source import FINE
from facecraft4d.toolkit.video_prior.mesh.surface import LAYERS, MOUTH_LAYERS, Surface

IN_MOUTH = [LAYERS.index(name) for name in MOUTH_LAYERS]
TEETH, TONGUE, CAVITY = (LAYERS.index(name) for name in ("teeth", "tongue", "mouth_interior"))

FEW_TEETH, BRIGHTER = 60, 1.35
"""Samples of teeth that a picture must show to tell how bright they are, and how much brighter than painted they may be."""

LIT_TEETH = 75
"""Percentile of the brightness of those samples that is tooth, not gap."""

LIP_SHADOW, SHADOW_WIDTH = 0.45, 0.0025
"""What lies behind the lips is this bright right beside them and full so many metres away: a thin slit stays dark."""

LIPS_DEPTH, MOUTH_FADE, MOUTH_DARKEST = 0.018, 0.022, 0.06
"""Light in the mouth: full up to this many metres behind the front of the lips, then falling by 1/e per this many, to no less than this."""

TONGUELESS_DEPTH = 0.03
"""Metres behind the lips' front from which the walls of a mouth without a tongue are no darker: where a tongue's back would end the view."""

MOUTH_REDNESS = np.array([0.9, 1.1, 1.15])
"""Exponents of that light for red, green, blue: it is reflected by red walls."""

MOUTH_AMBIENT, MOUTH_LIGHT = 0.75, np.array([0.0, 0.5, 0.87])
"""Share of the light that comes from everywhere, and the direction of the rest: in front and above."""

CREASE_DEPTH, CREASE_DARK = 0.010, 0.45
"""The lips' inner side: this many metres behind their front it is so bright; a crease is left where they meet."""

LIPS_FRONT = 90
"""Percentile of the lips' vertices, from behind, that counts as their front."""

CALM_SLOPE = 0.004
"""Metres of height by which the slope of the lips' front is calmed: closed lips have hardly any height to tell it."""


def mouth_colors(
    surface: Surface, vertices: Float32[np.ndarray, "v 3"], picked: Fragments, shadow: Float32[np.ndarray, "n 1"]
) -> Float32[np.ndarray, "n 3"]:
    """Colours of samples inside the mouth; `shadow`: light beside the lips (see lip_shadow)."""
    normals = vertex_normals(vertices, surface.triangles[np.isin(surface.layers, IN_MOUTH)])
    form = MOUTH_AMBIENT + (1 - MOUTH_AMBIENT) * np.clip(normals @ MOUTH_LIGHT, 0, 1)
    values = np.column_stack([surface.rest, surface.crown, behind_lips(surface, vertices), form]).astype(np.float32)
    rest, crown, behind, form = np.split(interpolate(picked, values[surface.triangles])[0], (3, 4, 5), 1)
    layer = surface.layers[picked.triangle[0]][:, None]
    if not (surface.layers == TONGUE).any():
        behind = np.where(layer == CAVITY, np.minimum(behind, TONGUELESS_DEPTH), behind)
    front = float(surface.rest[surface.triangles[surface.layers == TEETH], 2].max(initial=-1.0))
    color = np.where(layer == TEETH, tooth_colors(rest, crown, front), CAVITY_RGB)
    color = np.where(layer == TONGUE, tongue_colors(rest), color)
    return np.asarray(color * surface.white * form * mouth_light(behind, shadow), np.float32)


def mouth_gain(teeth: Float32[np.ndarray, "n 3"], white: Float32[np.ndarray, "3"]) -> float:
    """How much brighter than painted the mouth is where a picture shows `teeth` (pixels of them), so that both go together."""
    if len(teeth) < FEW_TEETH:
        return 1.0
    painted = float((TOOTH_RGB * white).mean()) * (MOUTH_AMBIENT + (1 - MOUTH_AMBIENT) * MOUTH_LIGHT[2])
    return float(np.clip(np.percentile(teeth.mean(1), LIT_TEETH) / painted, 1, BRIGHTER))


def behind_lips(surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """How far each vertex lies behind the lips' front, a plane that leans with the jaw; metres; 0 for a head without lips."""
    if not surface.lips.any():
        return np.zeros(len(vertices), np.float32)
    height, depth = vertices[surface.lips, 1:].astype(np.float64).T
    middle = height.mean()
    slope = ((height - middle) * depth).mean() / (height.var() + CALM_SLOPE**2)
    front = np.percentile(depth - slope * (height - middle), LIPS_FRONT)
    inside = np.clip(vertices[:, 1], height.min(), height.max()) - middle
    return np.asarray(front + slope * inside - vertices[:, 2], np.float32)


def mouth_light(behind: Float32[np.ndarray, "n 1"], shadow: Float32[np.ndarray, "n 1"]) -> Float32[np.ndarray, "n 3"]:
    """Light in the mouth: less with depth, and behind the teeth line also less beside the lips; what is left is reddish."""
    depth_light = np.clip(np.exp(-(behind - LIPS_DEPTH) / MOUTH_FADE), MOUTH_DARKEST, 1)
    light = depth_light * (1 - (1 - shadow) * np.clip(behind / LIPS_DEPTH, 0, 1))
    return np.asarray(light**MOUTH_REDNESS, np.float32)


def inner_lip_light(surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """Light on the lips' inner side, 1 on everything else of the skin."""
    back = np.clip(behind_lips(surface, vertices) / CREASE_DEPTH - 0.5, 0, 1)
    return np.asarray(1 - (1 - CREASE_DARK) * back * (surface.rim * surface.lips), np.float32)


def lip_shadow(camera: Camera, surface: Surface, fine: Fragments) -> Float32[np.ndarray, "fh fw"]:
    """Light on what is seen through the mouth by its distance in the picture from the lips."""
    light = np.ones_like(fine.depth)
    inside = np.isin(surface.layers, IN_MOUTH)[fine.triangle] & fine.covered
    row, column = np.nonzero(inside)
    if not len(row):
        return light
    box = np.s_[max(row.min() - 1, 0) : row.max() + 2, max(column.min() - 1, 0) : column.max() + 2]
    distance = distance_inside(inside[box])
    metres = distance * fine.depth[row, column].mean() / (FINE * camera.fx)
    light[box] = LIP_SHADOW + (1 - LIP_SHADOW) * np.minimum(metres / SHADOW_WIDTH, 1)
    return light
