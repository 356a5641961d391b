"""What the face's pixels say of photographs, negatives, drawings and dark pictures: how far apart they lie, and what is refused or noted.

    python benchmarks/bench_photographs.py [--folder PHOTOGRAPHS] [--drawings PICTURES] [--side 500]

Each photograph (the sample portraits, and those of the folder) is made harder in ways after which it is still one, and made into what is none.
A photograph refused or noted is a false alarm; a negative not refused and a drawing without a note are misses. Pictures in which no
face is found are refused for that. At last each is turned by 90, 180 and 270 degrees: its face must be found where it was.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.preprocess import align
from facecraft4d.toolkit.preprocess.judge import Looks, judged
from facecraft4d.toolkit.preprocess.load import Photo, read
from facecraft4d.toolkit.preprocess.upright import find_upright

PORTRAITS = Path(__file__).parents[1] / "samples" / "portraits"
WORDS = ("no face", "refused", "noted")
MEASURES = ("contrast", "light", "burnt", "grain", "covered", "duller_eye")
Pixels = np.ndarray
Change = Callable[[Pixels], Pixels]


def to_8_bits(values: Pixels) -> Pixels:
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def linear(rgb: Pixels) -> Pixels:
    values = rgb / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(light: Pixels) -> Pixels:
    values = np.clip(light, 0, 1)
    return to_8_bits(np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055))


def jpeg(rgb: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def exposed(stops: float) -> Change:
    """Other light, with the sensor's noise, stored as JPEG."""

    def change(rgb: Pixels) -> Pixels:
        light = linear(rgb) * 2.0**stops
        noise = np.random.default_rng(0).normal(0, 0.002, light.shape) * np.sqrt(light + 1e-3)
        return jpeg(encoded(light + noise), 90)

    return change


def lit(red: float, green: float, blue: float) -> Change:
    return lambda rgb: encoded(linear(rgb) * np.array([red, green, blue]))


def grey(rgb: Pixels) -> Pixels:
    return np.repeat(np.array(Image.fromarray(rgb).convert("L"))[..., None], 3, -1)


def old(rgb: Pixels) -> Pixels:
    """A faded brown print with grain."""
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 0.15, rgb.shape[:2]), (0, 0), 1.2)
    return to_8_bits((0.15 + 0.65 * grey(rgb)[..., :1] / 255 + grain[..., None]) * np.array([1, 0.93, 0.8]))


def dark_skinned(rgb: Pixels) -> Pixels:
    """All but the brightest tones as dark skin reflects them."""
    light, skin = linear(rgb), np.array([0.35, 0.27, 0.2])
    return encoded(light * (skin + (1 - skin) * np.clip((light - 0.55) / 0.2, 0, 1)))


def small(rgb: Pixels) -> Pixels:
    """Sent small, then enlarged."""
    tiny = cv2.resize(rgb, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    return cv2.resize(jpeg(tiny, 50), rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def smoothed(rgb: Pixels) -> Pixels:
    """A beauty filter: smooth skin, brighter."""
    for _ in range(2):
        rgb = cv2.bilateralFilter(rgb, 9, 40, max(rgb.shape) / 60)
    return to_8_bits((rgb / 255) ** 0.85)


def noisy(rgb: Pixels) -> Pixels:
    return np.clip(rgb + np.random.default_rng(0).normal(0, 30, rgb.shape), 0, 255).astype(np.uint8)


def film_negative(rgb: Pixels) -> Pixels:
    """Through the orange mask of colour film."""
    return to_8_bits((1 - rgb / 255) * np.array([0.75, 0.6, 0.45]) + np.array([0.25, 0.1, 0.02]))


def in_colours(count: int) -> Change:
    """Filled with so many colours."""

    def change(rgb: Pixels) -> Pixels:
        values = cv2.bilateralFilter(rgb, 15, 60, 15).reshape(-1, 3).astype(np.float32)
        cv2.setRNGSeed(0)
        _, labels, colours = cv2.kmeans(values, count, None, (3, 12, 1.0), 1, cv2.KMEANS_PP_CENTERS)
        return colours[labels.ravel()].reshape(rgb.shape).astype(np.uint8)

    return change


def inked(rgb: Pixels) -> Pixels:
    """Ten colours within black lines."""
    tone = cv2.medianBlur(grey(rgb)[..., 0].copy(), 5)
    width = int(9 * max(rgb.shape) / 400) | 1
    paper = cv2.adaptiveThreshold(tone, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, width, 3)
    return in_colours(10)(rgb) * paper[..., None]


STILL_PHOTOGRAPHS: dict[str, Change] = {
    "as it is": lambda rgb: rgb,
    "2 stops under": exposed(-2),
    "3 stops under": exposed(-3),
    "1 stop over": exposed(1),
    "grey": grey,
    "old print": old,
    "JPEG 20": lambda rgb: jpeg(rgb, 20),
    "JPEG 10": lambda rgb: jpeg(rgb, 10),
    "noise": noisy,
    "blur": lambda rgb: cv2.GaussianBlur(rgb, (0, 0), max(rgb.shape) / 256),
    "small, enlarged": small,
    "warm light": lit(1.4, 1, 0.55),
    "blue light": lit(0.35, 0.45, 1.2),
    "beauty filter": smoothed,
    "low contrast": lambda rgb: to_8_bits(0.35 + 0.3 * rgb / 255),
    "dark skin": dark_skinned,
    "dark skin, grey, JPEG 20": lambda rgb: jpeg(grey(dark_skinned(rgb)), 20),
    "dark skin, 2 stops under": lambda rgb: exposed(-2)(dark_skinned(rgb)),
}
OTHERS: dict[str, dict[str, Change]] = {
    "dark": {f"{-stops} stops under": exposed(stops) for stops in (-5, -7, -8)},
    "burnt out": {"2 stops over": exposed(2)},
    "negative": {
        "of colours": lambda rgb: 255 - rgb,
        "of grey": lambda rgb: 255 - grey(rgb),
        "of grey, JPEG 20": lambda rgb: jpeg(255 - grey(rgb), 20),
        "colour film": film_negative,
    },
    "drawing": {
        "6 colours": in_colours(6),
        "10 colours, ink": inked,
        "4 tones": lambda rgb: (rgb // 64 * 85).astype(np.uint8),
        "stylised": lambda rgb: cv2.stylization(rgb, sigma_s=60, sigma_r=0.45),
    },
}


def pictures(folders: list[Path], side: int) -> list[Pixels]:
    """All pictures of the folders, the longer side at most `side`."""
    found = []
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        try:
            rgb = read(path).rgb
        except UserError:
            continue
        scale = min(side / max(rgb.shape), 1)
        found.append(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else rgb)
    return found


def verdict(rgb: Pixels) -> tuple[Looks | None, str]:
    """Its looks where a face is found, and "refused", "noted", "" or "no face"."""
    looks = None
    try:
        _, looks = find_upright(Photo("picture", np.ascontiguousarray(rgb), None, "", ()), None)
        return looks, "noted" if judged("picture", looks) else ""
    except UserError as error:
        return looks, "refused" if looks or "negative" in str(error) else "no face"


def row(kind: str, how: str, changed: Iterator[Pixels]) -> str:
    verdicts = [verdict(rgb) for rgb in changed]
    found = [looks for looks, _ in verdicts if looks is not None]
    cells = [str(len(verdicts)), *(str(sum(said == word for _, said in verdicts)) for word in WORDS)]
    for name in MEASURES:
        values = [getattr(looks, name) for looks in found] or [np.nan]
        cells.append(" ".join(f"{value:.2f}" for value in np.percentile(values, (0, 5, 50, 95, 100))))
    return f"| {kind} | {how} | {' | '.join(cells)} |"


def turned_row(turns: int, photographs: list[Pixels]) -> str:
    """Of the faces found in the photographs as they are: how many are found at the same place of the turned."""
    right = found = 0
    for rgb in photographs:
        rolls = [roll(np.ascontiguousarray(np.rot90(rgb, count))) for count in (0, turns)]
        if rolls[0] is not None:
            found += 1
            right += rolls[1] is not None and np.cos(rolls[1] - rolls[0] + turns * np.pi / 2) > np.cos(np.pi / 4)
    return f"turned by {90 * turns} degrees: {right} of {found} found and turned back"


def roll(rgb: Pixels) -> float | None:
    try:
        return align.roll_radians(find_upright(Photo("picture", rgb, None, "", ()), None)[0])
    except UserError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, action="append", default=[], help="more photographs, one face each")
    parser.add_argument("--drawings", type=Path, action="append", default=[], help="drawings of faces")
    parser.add_argument("--side", type=int, default=500, help="pixels of the longer side")
    options = parser.parse_args()
    photographs = pictures([PORTRAITS, *options.folder], options.side)
    print(
        f"| kind | how | pictures | {' | '.join(WORDS)} |",
        " | ".join(f"{name} 0 5 50 95 100 %" for name in MEASURES),
        "|",
    )
    print("|---|---|---|" + "---|" * len((*WORDS, *MEASURES)))
    for kind, changes in {"photograph": STILL_PHOTOGRAPHS, **OTHERS}.items():
        for how, change in changes.items():
            print(row(kind, how, (change(rgb) for rgb in photographs)), flush=True)
    if options.drawings:
        print(row("drawing", "given", iter(pictures(options.drawings, options.side))))
    for turns in (1, 2, 3):
        print(turned_row(turns, photographs), flush=True)


if __name__ == "__main__":
    main()
