"""Who a random person is: age, sex, origins, skin, hair, what is worn, the light and the place; all of it told by one seed."""

from dataclasses import dataclass

import numpy as np

from facecraft4d.toolkit.subjects.paint import Look

Rgb = tuple[float, float, float]

YEARS = (9.0, 80.0)
STYLES = ("bald", "buzzed", "short", "medium", "long", "tied", "curls", "afro")
STYLE_ODDS = {
    "masculine": (0.12, 0.17, 0.37, 0.06, 0.06, 0.04, 0.09, 0.09),
    "feminine": (0.02, 0.04, 0.1, 0.19, 0.3, 0.16, 0.11, 0.08),
}
COLLARS = ("round", "v", "boat", "high")
BACKGROUNDS = ("plain", "blobs", "shelves", "bricks")
SKINS = (
    (0.95, 0.80, 0.72),
    (0.88, 0.69, 0.58),
    (0.77, 0.56, 0.43),
    (0.58, 0.39, 0.28),
    (0.40, 0.26, 0.19),
    (0.27, 0.17, 0.13),
)
"""From very light to very dark, sRGB; tones between are mixed."""
ORIGIN_SKINS = ((2.6, 5.0), (0.6, 2.6), (0.0, 2.6))
"""Where along `SKINS` people of African, Asian, Caucasian origin may lie."""
HAIRS: dict[str, Rgb] = {
    "black": (0.07, 0.06, 0.06), "dark brown": (0.17, 0.11, 0.08), "brown": (0.33, 0.21, 0.13), "red": (0.55, 0.23, 0.1), "blond": (0.76, 0.6, 0.37),
    "grey": (0.6, 0.59, 0.58),
}  # fmt: skip
IRISES: tuple[Rgb, ...] = (
    (0.22, 0.13, 0.07),
    (0.35, 0.22, 0.12),
    (0.38, 0.36, 0.22),
    (0.34, 0.47, 0.55),
    (0.4, 0.45, 0.47),
)


@dataclass(frozen=True, slots=True)
class Hairdo:
    """How hair grows; lengths in metres."""

    style: str
    """One of `STYLES`."""
    length: float
    volume: float
    """How far the outermost strands stand off what they lie on."""
    wave: float
    """Radius of waves and curls."""
    parting: float
    """Where it is parted: metres from the middle, towards the subject's left."""
    fringe: bool
    receding: float
    """Degrees by which the hairline has gone up at the temples."""
    temple: float = 0.0
    """Degrees by which the hairline before the ear lies farther behind than usual."""
    sideburn: float = 0.0
    """Elevation at which hair before the ear ends, degrees, about the hairline's centre; the ear spans 12 to -30."""
    nape: float = -38.0
    """Elevation at which hair grows behind, degrees: about the height of the ear's lobe."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Glasses: half width, half height and bar in metres, 2 for ellipses and more for boxes."""

    half_width: float
    half_height: float
    bar: float
    squareness: float


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp far away, and a sky; linear colours beside albedo 1. `direction` points to the lamp."""

    direction: tuple[float, float, float]
    key: Rgb
    sky: Rgb
    ground: Rgb


@dataclass(frozen=True, slots=True)
class Traits:
    """A person in a place."""

    seed: int
    years: float
    masculine: float
    """0 to 1."""
    origins: tuple[float, float, float]
    """Shares of African, Asian, Caucasian, in MakeHuman's words."""
    muscle: float
    weight: float
    """-1 to 1, as `muscle`."""
    look: Look
    hair: Hairdo
    beard: float
    """Metres; 0 for none."""
    hat: str
    """beanie, cap or nothing."""
    frames: Frames | None
    collar: str
    cloth: tuple[Rgb, Rgb]
    """Colours of stripes; twice the same for plain cloth."""
    light: Light
    background: str
    yaw: float
    """Of the portrait, degrees, as `pitch` and `roll`."""
    pitch: float
    roll: float
    zoom: float
    """Focal length of the portrait beside the usual one."""
    smile: float

    def described(self) -> str:
        """In a few words."""
        sex = "man" if self.masculine > 0.5 else "woman"
        worn = [
            word
            for word, on in (
                ("beard", self.beard),
                ("stubble", self.look.stubble),
                ("glasses", self.frames),
                (self.hat, self.hat),
            )
            if on
        ]
        return ", ".join([f"{sex} of {self.years:.0f}", f"{self.hair.style} hair", *worn, f"{self.collar} collar"])


def draw_traits(seed: int) -> Traits:
    """The person of a seed."""
    rng = np.random.default_rng((seed, 71))
    years = float(np.clip(rng.gamma(4.2, 8.5) + 8, *YEARS))
    adult = years > 17
    masculine = float(np.clip(rng.choice((0.06, 0.94)) + rng.normal(0, 0.08), 0, 1))
    man = masculine > 0.5
    origins = rng.dirichlet((0.5, 0.5, 0.5))
    hair_color = _hair_color(rng, years, origins)
    hat = str(rng.choice(("", "beanie", "cap"), p=(0.82, 0.1, 0.08)))
    stubble = float(rng.uniform(0.1, 0.45)) if man and adult and rng.random() < 0.3 else 0.0
    beard = float(rng.uniform(0.006, 0.03)) if man and years > 21 and not stubble and rng.random() < 0.35 else 0.0
    frames = (
        Frames(rng.uniform(0.021, 0.027), rng.uniform(0.015, 0.022), rng.uniform(0.0009, 0.0022), rng.uniform(2, 4.5))
        if rng.random() < 0.28
        else None
    )
    cloth = _cloth(rng)
    skin = _skin(rng, origins)
    look = Look(
        skin=skin,
        lips=_times(_mixed(skin, (0.72, 0.3, 0.32), rng.uniform(0.25, 0.6)), 0.93),
        hair=hair_color,
        iris=IRISES[int(rng.integers(len(IRISES)))] if origins[2] > 0.6 else IRISES[int(rng.integers(2))],
        freckles=float(rng.uniform(0.3, 1)) if origins[2] > 0.6 and rng.random() < 0.25 else 0.0,
        stubble=stubble,
        hat=_color(rng),
        frame=_times(_color(rng), 0.5),
    )
    return Traits(
        seed=seed, years=years, masculine=masculine, origins=(float(origins[0]), float(origins[1]), float(origins[2])),
        muscle=float(rng.uniform(-0.7, 0.7)), weight=float(np.clip(rng.normal(0, 0.4), -0.8, 0.9)), look=look,
        hair=_hairdo(rng, seed, man, years, origins), beard=beard, hat=hat, frames=frames, collar=str(rng.choice(COLLARS)), cloth=cloth,
        light=_light(rng), background=str(rng.choice(BACKGROUNDS)),
        yaw=float(np.clip(rng.normal(0, 7), -18, 18)), pitch=float(np.clip(rng.normal(1, 3.5), -8, 9)), roll=float(np.clip(rng.normal(0, 2), -6, 6)),
        zoom=float(rng.uniform(0.8, 1.02)), smile=float(rng.choice((0.0, rng.uniform(0, 0.5)))),
    )  # fmt: skip


def _hairdo(rng: np.random.Generator, seed: int, man: bool, years: float, origins: np.ndarray) -> Hairdo:
    odds = np.array(STYLE_ODDS["masculine" if man else "feminine"])
    if years < 25:
        odds[0] = 0
    odds[STYLES.index("afro")] *= 2 * origins[0]
    style = str(rng.choice(STYLES, p=odds / odds.sum()))
    length, volume, wave = {
        "bald": (0.0, 0.0, 0.0),
        "buzzed": (rng.uniform(0.003, 0.008), 0.008, 0.0),
        "short": (rng.uniform(0.02, 0.055), rng.uniform(0.01, 0.028), rng.uniform(0, 0.003)),
        "medium": (rng.uniform(0.15, 0.24), rng.uniform(0.012, 0.03), rng.uniform(0, 0.006)),
        "long": (rng.uniform(0.33, 0.52), rng.uniform(0.01, 0.03), rng.uniform(0, 0.008)),
        "tied": (rng.uniform(0.15, 0.4), rng.uniform(0.003, 0.008), 0.0),
        "curls": (rng.uniform(0.09, 0.24), rng.uniform(0.025, 0.05), rng.uniform(0.005, 0.011)),
        "afro": (rng.uniform(0.03, 0.11), 0.1, rng.uniform(0.002, 0.005)),
    }[style]
    fringe = style in ("medium", "long", "short") and rng.random() < 0.3
    line = np.random.default_rng((seed, 76))  # a stream of its own: all else stays whom a seed has always drawn
    receding = rng.uniform(0, 18) if man and years > 28 and style in ("short", "buzzed") else 0.0
    return Hairdo(
        style,
        float(length),
        float(volume),
        float(wave),
        float(rng.choice((0.0, 0.025, -0.025))),
        fringe,
        float(receding),
        temple=float(np.clip(line.normal(0, 2.5), -5, 5)),
        sideburn=float(line.uniform(-22, 6) if man else line.uniform(-6, 10)),
        nape=float(np.clip(line.normal(-38, 3), -44, -32)),
    )


def _hair_color(rng: np.random.Generator, years: float, origins: np.ndarray) -> Rgb:
    names = ("black", "dark brown", "brown", "red", "blond")
    fair = float(origins[2])
    odds = np.array([0.6 - 0.4 * fair, 0.3, 0.1 + 0.2 * fair, 0.1 * fair, 0.2 * fair])
    color = HAIRS[str(rng.choice(names, p=odds / odds.sum()))]
    grey = float(np.clip((years - 42) / 25 + rng.normal(0, 0.25), 0, 1))
    return _mixed(color, _times(HAIRS["grey"], rng.uniform(0.8, 1.35)), grey)


def _skin(rng: np.random.Generator, origins: np.ndarray) -> Rgb:
    low, high = origins @ np.array(ORIGIN_SKINS)
    place = float(np.clip(rng.uniform(low, high), 0, len(SKINS) - 1.001))
    step = int(place)
    tone = np.array(_mixed(SKINS[step], SKINS[step + 1], place - step)) * (1 + rng.normal(0, (0.01, 0.02, 0.03)))
    return float(tone[0]), float(tone[1]), float(tone[2])


def _cloth(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    first = _color(rng)
    return (first, _color(rng)) if rng.random() < 0.3 else (first, first)


def _light(rng: np.random.Generator) -> Light:
    side, height = np.radians(rng.uniform(-75, 75)), np.radians(rng.uniform(10, 60))
    direction = (float(np.sin(side) * np.cos(height)), float(np.sin(height)), float(np.cos(side) * np.cos(height)))
    warm = 1 + rng.uniform(-0.12, 0.12) * np.array([1, 0.1, -1.0])
    share = rng.uniform(0.35, 0.75)  # of the light that comes from the lamp
    total = rng.uniform(0.95, 1.4)
    key = 1.15 * total * share * warm
    sky = total * (1 - share) * (2 - warm) * 1.2
    ground = sky * rng.uniform(0.35, 0.8)
    return Light(direction, *((float(c[0]), float(c[1]), float(c[2])) for c in (key, sky, ground)))


def _color(rng: np.random.Generator) -> Rgb:
    value, chroma, hue = rng.uniform(0.12, 0.9), rng.uniform(0, 0.7), rng.uniform(0, 2 * np.pi)
    wheel = 1 + chroma * np.cos(hue + np.array([0, 2.1, 4.2])) * 0.6
    color = np.clip(value * wheel, 0.03, 0.97)
    return float(color[0]), float(color[1]), float(color[2])


def _mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    a, b, c = ((1 - share) * x + share * y for x, y in zip(first, second, strict=True))
    return float(a), float(b), float(c)


def _times(color: Rgb, factor: float) -> Rgb:
    a, b, c = (float(min(x * factor, 1.0)) for x in color)
    return a, b, c
