"""The contact sheet: a row for each engine, a column for each pose."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

from facecraft4d.samples.engines.common.poses import NAMES
from facecraft4d.toolkit.core.files import write_whole

CELL = 168
"""Side of a picture in the sheet, pixels."""
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
    """Rows of a label (lines) and five pictures; None leaves a cell empty. All are cut to the same square around what they show."""
    pictures = {file: Image.open(file).convert("RGB") for _, files in rows for file in files if file is not None}
    square = _square(list(pictures.values()))
    sheet = Image.new("RGB", (LABEL + CELL * len(NAMES), HEADER + CELL * len(rows)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, name in enumerate(NAMES):
        pen.text((LABEL + CELL * (column + 0.5), HEADER / 2), TITLES[name], "black", font, anchor="mm")
    for row, (label, files) in enumerate(rows):
        top = HEADER + CELL * row
        pen.line((0, top, sheet.width, top), "#dddddd")
        pen.multiline_text((8, top + CELL / 2), label, "black", font, anchor="lm", spacing=5)
        for column, file in enumerate(files):
            if file is not None:
                cell = pictures[file].crop(square).resize((CELL, CELL), Image.Resampling.LANCZOS)
                sheet.paste(cell, (LABEL + CELL * column, top + 1))
    small = sheet.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def _square(pictures: Sequence[Image.Image]) -> tuple[int, int, int, int]:
    """The smallest square in the middle that holds what any of the pictures shows on white."""
    size = max(picture.width for picture in pictures)
    half = 1
    for picture in pictures:
        if box := ImageChops.invert(picture).point(lambda value: 255 * (value > FAINT)).getbbox():
            half = max(half, *(abs(edge - size // 2) for edge in box))
    half = min(half + MARGIN, size // 2)
    return size // 2 - half, size // 2 - half, size // 2 + half, size // 2 + half
