"""The contact sheet: a row for each engine, a column for each pose."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

from facecraft4d.samples.engines.common.poses import NAMES
from facecraft4d.toolkit.core.files import write_whole

HEIGHT = 196
"""Of a picture in the sheet, pixels."""
LABEL = 150
"""Width of the column of names, pixels."""
HEADER = 26
MARGIN = 8
"""White around the part of the pictures that is shown, pixels of theirs."""
TITLES = {"neutral": "neutral", "jawOpen": "jawOpen", "blink": "eyeBlinkLeft", "turn": "head turned", "clip": "clip"}
FAINT = 12
"""What differs less from white, of 255, is background."""
COLOURS = 128
"""Of the PNG's palette: enough for skin, half the bytes."""


def write_sheet(rows: Sequence[tuple[str, Sequence[Path | None]]], path: Path) -> None:
    """Rows of a label (lines) and five pictures; None leaves a cell empty. All are cut to the same box around what they show."""
    pictures = _pictures(file for _, files in rows for file in files if file is not None)
    left, top, right, bottom = box = _box(list(pictures.values()))
    width = round(HEIGHT * (right - left) / (bottom - top))
    sheet = Image.new("RGB", (LABEL + width * len(NAMES), HEADER + HEIGHT * len(rows)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(NAMES):
        pen.text((LABEL + width * (column + 0.5), HEADER / 2), TITLES[name], "black", font, anchor="mm")
    for row, (label, files) in enumerate(rows):
        y = HEADER + HEIGHT * row
        pen.line((0, y, sheet.width, y), "#dddddd")
        pen.multiline_text((8, y + HEIGHT / 2), label, "black", font, anchor="lm", spacing=5)
        for column, file in enumerate(files):
            if file is not None:
                cell = pictures[file].crop(box).resize((width, HEIGHT - 1), Image.Resampling.LANCZOS)
                sheet.paste(cell, (LABEL + width * column, y + 1))
    buffer = io.BytesIO()
    small = sheet.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(buffer, "PNG", optimize=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def _pictures(files: Iterable[Path]) -> dict[Path, Image.Image]:
    """All of them at the size of the largest."""
    pictures = {file: Image.open(file).convert("RGB") for file in files}
    size = max(picture.size for picture in pictures.values())
    return {file: picture.resize(size, Image.Resampling.LANCZOS) for file, picture in pictures.items()}


def _box(pictures: Sequence[Image.Image]) -> tuple[int, int, int, int]:
    """The smallest box about the middle that holds what any of the pictures shows on white."""
    middle = pictures[0].width // 2
    across = up = 1
    for picture in pictures:
        if box := ImageChops.invert(picture).point(lambda value: 255 * (value > FAINT)).getbbox():
            across = max(across, abs(box[0] - middle), abs(box[2] - middle))
            up = max(up, abs(box[1] - middle), abs(box[3] - middle))
    across, up = min(across + MARGIN, middle), min(up + MARGIN, middle)
    return middle - across, middle - up, middle + across, middle + up
