"""Alarms for what no mean sees: torn slices, woven cloth, seams, holes and bald backs, each in the worst of all views.

They look at a picture as a person would, with two things that the mesh behind it tells: which kind of surface a pixel shows, and where one
surface ends before another. Thresholds stand between the pictures in tests/data/alarms and hundreds of views of people with known truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from scipy import ndimage

from facecraft4d.toolkit.core.asset import GLASSES
from facecraft4d.toolkit.core.datatypes import Camera, Head, Rig, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera, yaw_distances
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.evaluation.drawing import Render
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.meshes.raster import rasterize

SIDE = 256
"""Pixels of the pictures that alarms look at: what is smaller is texture."""
NOTHING, SKIN, HAIR, CLOTH, HAT, OTHER, EYEWEAR = range(7)
"""Kinds of surface."""
KINDS = {
    "skin": SKIN, "ears": SKIN, "scalp": SKIN, "neck": SKIN, "hair": HAIR, "beard": HAIR, "torso": CLOTH, "clothes": CLOTH, "bust": CLOTH,
    "headwear": HAT, "hat": HAT, GLASSES: EYEWEAR,
}  # fmt: skip
"""By the name of a region; all others are other."""
THIN = 4
"""Half width in pixels of bands and slits that are thin."""
LEAST_SLICE = 24
"""Pixels of area from which a band or a slit is none of hair's roughness."""
STEP_METRES = 0.006
"""Depth by which neighbouring pixels differ where one surface ends before another."""
STEP, STEP_FLANK = 0.14, 0.45
"""Part of the brightness that changes across a seam within two pixels, and the part of it that its surroundings change by at most: shadows
are softer."""
DARKER, NEAR = 0.72, 8.0
"""Part of the brightness of the skin around, within so many pixels, below which hairs darken it."""
LEAST_SEAM = 14
"""Pixels of length from which steps in a row are a seam."""
SKIN_LIKE = 0.07
"""Distance of chroma from the face's median within which a pixel has the colour of skin."""
SHADED = 0.5
"""Part of the face's brightness from which cloth of skin's chroma passes for skin: black cloth has any chroma."""
LOOP = 0.01
"""Part of the silhouette from which background inside is no hole but what a tail, a bun or an arm goes round."""
RIM = 2
"""Pixels by which a drawn rim of glasses may be wider than the mesh behind it."""
DARK = 0.15
"""Sum of red, green and blue below which a colour tells no more than black does."""
BACK_DEGREES, UPPER = 30.0, 0.4
"""How far from the back a view may be that shows it, and the part of the head's height on which hair grows there."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What rings."""

    label: str
    how: str
    threshold: float
    """It rings above."""


ALARMS: dict[str, Alarm] = {
    "torn": Alarm("torn slices", "area of thin bands, thin slits and loose pieces over the silhouette's", 0.05),
    "sliced": Alarm("hair in slices", "hair below cloth below hair, along columns, over the silhouette", 0.03),
    "woven": Alarm(
        "woven cloth",
        "skin, or its colour, below cloth, along columns, over the silhouette, beyond what the front view has",
        0.02,
    ),
    "seams": Alarm(
        "seams",
        "length of sharp steps between skin and skin over the picture's side, beyond what the front view has",
        0.15,
    ),
    "holes": Alarm(
        "holes",
        "small pieces of background that the silhouette encloses, not seen through glasses, over the silhouette",
        0.006,
    ),
    "bald": Alarm(
        "bald back",
        "part of the back's upper head that has the colour of skin, where hair or a hat is seen in front",
        0.1,
    ),
}
"""In the order of tables."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A picture with what lies behind it, `SIDE` pixels wide."""

    image: Float32[np.ndarray, "s s 3"]
    """sRGB on white."""
    alpha: Float32[np.ndarray, "s s"]
    kinds: UInt8[np.ndarray, "s s"]
    ends: Bool[np.ndarray, "s s"]
    """Where one surface ends before another."""


def surfaces(rig: Rig, posed: Float32[np.ndarray, "v 3"], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Kinds, and where one surface ends before another, of a `posed` mesh."""
    fragments = rasterize(resized_camera(camera, SIDE, SIDE), posed, rig.triangles)
    names = np.array([KINDS.get(name, OTHER) for name in rig.region_names], np.uint8)
    kinds = np.where(fragments.covered, names[rig.triangle_regions[fragments.triangle]], NOTHING)
    return kinds.astype(np.uint8), ended(fragments.depth)


def measure(
    renders: Sequence[Render], head: Head, coarse: ViewSet
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float]]]:
    """Each alarm's highest value and the yaw at which it is: of the avatar as drawn in the coarse views, and of these themselves."""
    posed = pose_vertices(head.rig, head.pose)
    behind = [surfaces(head.rig, posed, view.camera) for view in coarse.views]
    drawn = [(each.image, each.alpha) for each in renders], [(view.image, view.mask) for view in coarse.views]
    avatar, shape = (
        look(
            [Sight(resized(p, SIDE), resized(a, SIDE), *under) for (p, a), under in zip(pictures, behind, strict=True)],
            coarse.yaws_degrees,
        )
        for pictures in drawn
    )
    return avatar, shape


def ended(depth: Float32[np.ndarray, "s s"]) -> Bool[np.ndarray, "s s"]:
    """Where depth steps, and the pixels around."""
    far = np.where(depth > 0, depth, depth.max() + 1)
    steps = np.zeros(depth.shape, bool)
    steps[:-1] |= np.abs(np.diff(far, axis=0)) > STEP_METRES
    steps[:, :-1] |= np.abs(np.diff(far, axis=1)) > STEP_METRES
    return np.asarray(ndimage.binary_dilation(steps, iterations=3))


def look(sights: Sequence[Sight], yaws: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Each alarm's highest value over views at `yaws` (degrees, view 0 shows the face), and the yaw of that view."""
    face = colors_of(sights[0])
    backs = yaw_distances(yaws, 180.0) <= BACK_DEGREES
    rows = [judged(each, face, bool(back)) for each, back in zip(sights, backs, strict=True)]
    photographed = dict(rows[0])
    for row in rows:
        row.update({name: max(0.0, row[name] - photographed[name]) for name in ("seams", "woven")})
    worst = {name: int(np.argmax([row[name] for row in rows])) for name in ALARMS}
    return {name: (rows[index][name], float(yaws[index])) for name, index in worst.items()}


def ringing(found: Mapping[str, tuple[float, float]], what: str) -> tuple[str, ...]:
    """A sentence for every alarm that rings."""
    return tuple(
        f"alarm, {what}: {alarm.label} at yaw {found[name][1]:.0f} ({found[name][0]:.3g}, at most {alarm.threshold:g})"
        for name, alarm in ALARMS.items()
        if found[name][0] > alarm.threshold
    )


def colors_of(front: Sight) -> dict[int, np.ndarray]:
    """Median colours of skin, hair, hat and cloth in the front view; kinds that it hardly shows are left out."""
    shown = {kind: ndimage.binary_erosion(front.kinds == kind, iterations=2) for kind in (SKIN, HAIR, HAT, CLOTH)}
    return {kind: np.median(front.image[where], 0) for kind, where in shown.items() if where.sum() > SIDE}


def judged(view: Sight, face: Mapping[int, np.ndarray], back: bool) -> dict[str, float]:
    """The value of every alarm in one view."""
    solid = ndimage.gaussian_filter(view.alpha, 1.0) > 0.5
    area = max(int(solid.sum()), 1)
    return {
        "torn": torn(solid) / area,
        "sliced": sliced(view.kinds, solid) / area,
        "woven": woven(painted(view, face), solid) / area,
        "seams": seams(view, face) / SIDE,
        "holes": holes(view.kinds, solid) / area,
        "bald": bald(view, face, solid) if back else 0.0,
    }


def holes(kinds: UInt8[np.ndarray, "s s"], solid: Bool[np.ndarray, "s s"]) -> float:
    """Pixels of background that the silhouette encloses, also without the glasses: a lens that stands out beside the face shows what is behind."""
    rims = ndimage.binary_dilation(kinds == EYEWEAR, iterations=RIM)
    sizes = np.bincount(ndimage.label(ndimage.binary_fill_holes(solid & ~rims) & ~solid)[0].ravel())[1:]
    return float(sizes[sizes < LOOP * solid.sum()].sum())


def torn(solid: Bool[np.ndarray, "s s"]) -> float:
    """Pixels of thin bands that stand out, slits that cut in, and pieces that hang on nothing."""
    framed = np.pad(solid, 3 * THIN, mode="edge")
    disc = np.hypot(*np.mgrid[-THIN : THIN + 1, -THIN : THIN + 1]) <= THIN
    bands = framed & ~ndimage.binary_opening(framed, disc)
    slits = ndimage.binary_closing(framed, disc) & ~framed
    pieces, count = ndimage.label(framed)
    sizes = np.bincount(pieces.ravel())[1:] if count else np.zeros(1, int)
    return float(_large(bands) + _large(slits) + sizes.sum() - sizes.max())


def _large(where: Bool[np.ndarray, "h w"]) -> int:
    """Pixels in pieces that are no roughness."""
    pieces, _ = ndimage.label(where, np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel())[1:]
    return int(sizes[sizes >= LEAST_SLICE].sum())


def sliced(kinds: UInt8[np.ndarray, "s s"], solid: Bool[np.ndarray, "s s"]) -> float:
    """Pixels of hair below cloth below hair, along columns."""
    hair, cloth = (_runs((kinds == kind) & solid) for kind in (HAIR, CLOTH))
    over = np.cumsum(cloth & (np.cumsum(hair, 0) > 0), 0) > 0
    return float((hair & over).sum())


def painted(view: Sight, face: Mapping[int, np.ndarray]) -> UInt8[np.ndarray, "s s"]:
    """Kinds, but cloth that has the colour of skin is skin, unless the person wears such a colour."""
    if not {SKIN, CLOTH} <= set(face) or _apart(face[CLOTH], face[SKIN]) < 2 * SKIN_LIKE:
        return view.kinds
    return np.asarray(np.where(_bare_cloth(view, face[SKIN]), SKIN, view.kinds), np.uint8)


def _bare_cloth(view: Sight, skin: Float32[np.ndarray, "3"]) -> Bool[np.ndarray, "s s"]:
    """Where a surface of cloth has the colour of skin."""
    lit = view.image.mean(-1) > SHADED * skin.mean()
    return np.asarray((view.kinds == CLOTH) & lit & (_apart(view.image, skin) < SKIN_LIKE))


def woven(kinds: UInt8[np.ndarray, "s s"], solid: Bool[np.ndarray, "s s"]) -> float:
    """Pixels of skin below cloth, along columns."""
    skin, cloth = (_runs((kinds == kind) & solid) for kind in (SKIN, CLOTH))
    return float((skin & (np.cumsum(cloth, 0) > 0)).sum())


def _runs(where: Bool[np.ndarray, "s s"]) -> Bool[np.ndarray, "s s"]:
    """What is wider and higher than strands and loose pixels are."""
    return np.asarray(ndimage.binary_opening(ndimage.median_filter(where, 3), np.ones((3, 3))))


def seams(view: Sight, face: Mapping[int, np.ndarray]) -> float:
    """Pixels of length of sharp steps between skin and skin."""
    if SKIN not in face:
        return 0.0
    naked = (view.kinds == SKIN) & (_apart(view.image, face[SKIN]) < SKIN_LIKE)
    skin = (naked | _bare_cloth(view, face[SKIN])) & ~view.ends & (view.alpha > 0.9)
    inside = ndimage.binary_erosion(skin & ~_hairs(view.image.mean(-1), skin), iterations=2)
    brightness = ndimage.gaussian_filter1d(ndimage.gaussian_filter1d(view.image.mean(-1), 0.5, 0), 0.5, 1)
    total = 0.0
    for axis in (0, 1):
        ahead = np.roll(brightness, -1, axis) - np.roll(brightness, 1, axis)
        flank = np.maximum(np.abs(np.roll(ahead, 2, axis)), np.abs(np.roll(ahead, -2, axis)))
        step = inside & (np.abs(ahead) > STEP * brightness) & (flank < STEP_FLANK * np.abs(ahead))
        pieces, _ = ndimage.label(ndimage.binary_dilation(step, iterations=1), np.ones((3, 3)))
        for box in ndimage.find_objects(pieces):
            length = box[1 - axis].stop - box[1 - axis].start - 2
            total += length if length >= LEAST_SEAM else 0
    return total


def _hairs(brightness: Float32[np.ndarray, "s s"], skin: Bool[np.ndarray, "s s"]) -> Bool[np.ndarray, "s s"]:
    """Brows and stubble: much darker than the skin around, and the pixels beside them."""
    around = ndimage.gaussian_filter(np.where(skin, brightness, 0), NEAR)
    around /= np.maximum(ndimage.gaussian_filter(skin.astype(np.float32), NEAR), 1e-3)
    return np.asarray(ndimage.binary_dilation(skin & (brightness < DARKER * around), iterations=3))


def bald(view: Sight, face: Mapping[int, np.ndarray], solid: Bool[np.ndarray, "s s"]) -> float:
    """Part of the back's upper head that is nearer to skin than to what is worn or grows there."""
    covers = [face[kind] for kind in (HAIR, HAT) if kind in face]
    rows = np.flatnonzero((solid & np.isin(view.kinds, (SKIN, HAIR, HAT))).any(1))
    if not covers or SKIN not in face or not len(rows):
        return 0.0
    upper = solid & (view.kinds != NOTHING)
    upper[int(rows[0] + UPPER * (rows[-1] - rows[0])) :] = False
    lit = view.image[upper]
    to_skin, to_cover = _apart(lit, face[SKIN]), np.min([_apart(lit, color) for color in covers], 0)
    naked = view.kinds[upper] == SKIN
    return float((naked & (to_skin < to_cover)).mean()) if len(lit) else 0.0


def _apart(first: Float[np.ndarray, "*n 3"], second: Float[np.ndarray, "3"]) -> Float[np.ndarray, "*n"]:
    """Distance of colours without their brightness."""
    chroma = [each / np.maximum(each.sum(-1, keepdims=True), DARK) for each in (first, second)]
    return np.asarray(np.linalg.norm(chroma[0] - chroma[1], axis=-1))
