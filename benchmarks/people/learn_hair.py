"""learn_hair.py: where hair ends and how far it stands off on drawn people, as the mean and the principal directions that the shape prior reads.

    python benchmarks/people/learn_hair.py

Writes toolkit/shape_prior/parametric/shells/hair_prior.npz (CC0, as the people are). Each of 10 heads wears the hair of 10 people, drawn with
seeds that no benchmark uses; bald heads, and long hair, which falls where it wants, are left out; of hair that is tied up the knot is. Tells how
well the mean of the Gaussian, and what it expects given the front, foretell people whose heads it did not learn from.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Float64

from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import ShellGrid, outer_radii, wrapped_filter
from facecraft4d.toolkit.shape_prior.parametric.shells.hair_prior import (
    FIELDS,
    FILE,
    LOWEST,
    NOISE,
    REACH,
    STEP,
    HairPrior,
    frame,
    looks,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.smooth import border_distance
from facecraft4d.toolkit.subjects import clothes, strands
from facecraft4d.toolkit.subjects.bust import make_bust
from facecraft4d.toolkit.subjects.traits import draw_traits

HEADS, HAIRDOS = range(6000, 6010), 10
LEFT_OUT = ("bald", "long")
FINE = STEP / 2
"""Degrees between the directions in which hair is measured."""
THINNED = 4
"""As many strands are drawn as one that is so much wider: enough to cover, and quick."""
KNOT = 14
"""Points with which a tied strand goes on behind the tie."""
PIECES = 6
"""In which each step of a strand is laid on the map."""
OPAQUE = 0.7
"""Area of strands beside that of the skin from which half of the light does not pass."""
POLE = 5
"""Rows at the crown that are covered together or not: their cells are smaller than the gaps between strands."""
OUTER = 0.85
"""Part of the strands in a direction below hair's outer surface."""
MODES = 8
ADULT = 0.13
"""Metres of `frame`'s unit on an adult."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What hair is measured on."""

    grid: ShellGrid
    skin: Float64[np.ndarray, "r c"]
    unit: float


def rays(middle: np.ndarray) -> ShellGrid:
    """In all directions from the middle of the ears."""
    elevations, azimuths = np.radians(np.arange(90, LOWEST - 1e-3, -FINE)), np.radians(np.arange(-180, 180, FINE))
    a, e = azimuths[None], elevations[:, None]
    ways = np.stack([np.sin(a) * np.cos(e), np.sin(e) + 0 * a, np.cos(a) * np.cos(e)], -1)
    return ShellGrid(middle, elevations, 1.0, np.tile(middle, (*ways.shape[:2], 1)), ways, azimuths)


def measured(head: Head, paths: Float64[np.ndarray, "n p 3"], width: float) -> Float64[np.ndarray, "2 e a"]:
    """`FIELDS` on a head, alike on both sides, in its unit."""
    first, second = paths[:, :-1].reshape(-1, 3), paths[:, 1:].reshape(-1, 3)
    share = ((np.arange(PIECES) + 0.5) / PIECES)[None, :, None]
    off = (first[:, None] * (1 - share) + second[:, None] * share).reshape(-1, 3) - head.grid.center
    area = np.repeat(np.linalg.norm(second - first, axis=1) * width / PIECES, PIECES)
    radii = np.linalg.norm(off, axis=1)
    rows = np.round((90 - np.degrees(np.arcsin(off[:, 1] / radii))) / FINE).astype(int)
    columns = np.round((180 + np.degrees(np.arctan2(off[:, 0], off[:, 2]))) / FINE).astype(int) % head.skin.shape[1]
    inside = rows < len(head.skin)
    cells = (rows * head.skin.shape[1] + columns)[inside]
    ground = (head.skin * np.radians(FINE)) ** 2 * np.cos(np.minimum(head.grid.elevations, 1.55))[:, None]
    laid = np.bincount(cells, area[inside], head.skin.size).reshape(head.skin.shape) / ground
    covered = wrapped_filter(laid, (0.7, 0.7)) > OPAQUE
    covered[:POLE] = covered[:POLE].mean() > 0.5
    edge = border_distance(covered, head.grid.points(head.skin)) / head.unit * ADULT
    order = np.lexsort((radii[inside], cells))
    counts = np.bincount(cells, minlength=head.skin.size)
    at = np.searchsorted(cells[order], np.arange(head.skin.size)) + (counts * OUTER).astype(int)
    outer = radii[inside][order][np.minimum(at, len(cells) - 1)].reshape(head.skin.shape)
    known = covered & (counts.reshape(head.skin.shape) > 4)
    thickness = extended(np.maximum(outer - head.skin, 0) / head.unit, known)
    both = np.stack([edge.clip(-REACH, REACH) / ADULT, thickness])
    both = (both + both[:, :, (-np.arange(both.shape[2])) % both.shape[2]]) / 2
    side = np.concatenate([both[:, :, both.shape[2] // 2 :], both[:, :, :1]], 2)
    return np.asarray(side[:, ::2, ::2])


def extended(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values that go on smoothly from where they are known, around the columns."""
    wide, gaps = np.tile(values, (1, 3)), np.tile(~known, (1, 3))
    nearest = scipy.ndimage.distance_transform_edt(gaps, return_distances=False, return_indices=True)
    columns = values.shape[1]
    return np.asarray(scipy.ndimage.gaussian_filter(wide[tuple(nearest)], 1.5)[:, columns : 2 * columns])


def people(seed: int, first: int) -> list[np.ndarray]:
    """One head with the hair of the people from seed `first` on."""
    rng = np.random.default_rng((seed, 77))
    who = draw_traits(seed)
    rig, _, scale = make_bust(who)
    dress = clothes.garment(rig, who.collar, scale, rng)

    def part(*names: str) -> np.ndarray:
        return rig.triangles[in_regions(rig, *names)]

    middle, unit = frame(
        rig.vertices[part("ears")].reshape(-1, 3).astype(float), float(rig.vertices[part("scalp")][..., 1].max())
    )
    grid = rays(middle)
    head = Head(grid, outer_radii(grid, rig.vertices, part("skin", "lips", "eyelids", "scalp", "neck")), unit)
    found = []
    for other in range(first, first + HAIRDOS):
        hair = draw_traits(other).hair
        if hair.style in LEFT_OUT:
            continue
        grown = strands.grown(
            rig, hair, [dress], np.zeros(len(rig.triangles), bool), scale, np.random.default_rng((other, 78))
        )
        assert grown is not None  # none but the bald have none
        paths = grown.points[:, :-KNOT] if hair.style == "tied" else grown.points
        found.append(measured(head, paths.astype(float), strands.WIDTH * THINNED))
    return found


def learned(maps: Float64[np.ndarray, "n e a"]) -> Float64[np.ndarray, "k e a"]:
    """The mean and `MODES` principal directions, each as long as its standard deviation."""
    mean = maps.mean(0)
    _, sizes, ways = np.linalg.svd((maps - mean).reshape(len(maps), -1), full_matrices=False)
    modes = ways[:MODES] * sizes[:MODES, None] / np.sqrt(len(maps) - 1)
    return np.concatenate([mean[None], modes.reshape(-1, *mean.shape)])


def foretold(fields: np.ndarray, maps: np.ndarray, index: int) -> tuple[float, float]:
    """Mean error (millimetres) behind of one field: of the mean, and given the front, or given the outline for the thickness."""
    azimuths = np.arange(0, 180 + 1e-3, STEP)
    elevations = np.arange(90, LOWEST - 1e-3, -STEP)
    a, e = np.radians(azimuths)[None], np.radians(elevations)[:, None]
    ahead = np.cos(a) * np.cos(e)
    seen = (ahead > 0.3) if FIELDS[index] == "edge" else np.abs(ahead) < 0.15
    hidden = (ahead < 0) & (e > np.radians(-50)) & ~seen
    ways = ADULT * np.stack([np.sin(a) * np.cos(e), np.sin(e) + 0 * a, ahead], -1)
    cells = looks(ways) * seen
    prior = HairPrior(ADULT * fields[index, 0], ADULT * fields[index, 1:], NOISE[FIELDS[index]])
    errors = []
    for each in ADULT * maps[:, index]:
        given = prior.given(each, cells)
        errors.append([np.abs((guess - each)[hidden]).mean() for guess in (prior.mean, given)])
    mean, given = 1e3 * np.mean(errors, 0)
    return float(mean), float(given)


def main() -> None:
    """Draw, learn, tell, write."""
    strands.COUNTS = {style: count // THINNED for style, count in strands.COUNTS.items()}
    heads = [np.stack(people(seed, 7000 + HAIRDOS * number)) for number, seed in enumerate(HEADS)]
    report(heads)
    everybody = np.concatenate(heads)
    fields = np.stack([learned(everybody[:, index]) for index in range(len(FIELDS))])
    np.savez_compressed(FILE, fields=fields.astype(np.float16))
    print(f"{FILE.name}: {len(everybody)} heads of hair, {FILE.stat().st_size / 1024:.0f} KiB")


def report(heads: list[np.ndarray]) -> None:
    """How well the last third of the heads is foretold from the others."""
    split = 2 * len(heads) // 3
    train, test = np.concatenate(heads[:split]), np.concatenate(heads[split:])
    fields = np.stack([learned(train[:, index]) for index in range(len(FIELDS))])
    for index, name in enumerate(FIELDS):
        mean, given = foretold(fields, test, index)
        print(f"{name} behind, {len(test)} unseen: the mean errs by {mean:.1f} mm, given the front by {given:.1f} mm")


if __name__ == "__main__":
    main()
