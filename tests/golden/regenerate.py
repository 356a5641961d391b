"""Draw the golden pictures anew with the processor's rasteriser: python tests/golden/regenerate.py, then look at every one.

Beside them a sheet of all of them is written to build/golden.png.
"""

from dataclasses import replace
from pathlib import Path

from cases import GOLDEN
from PIL import Image

from facecraft4d.runtime import Backend, render_still

HERE = Path(__file__).parent
SHEET = HERE.parents[1] / "build" / "golden.png"
COLUMNS, CELL = 8, 128


def main() -> None:
    for name, golden in GOLDEN.items():
        avatar, pose = golden.posed()
        render_still(avatar, pose, HERE / f"{name}.png", replace(golden.options, backend=Backend.SOFTWARE))
    sheet = Image.new("RGB", (COLUMNS * CELL, -(-len(GOLDEN) // COLUMNS) * CELL), (90, 140, 90))
    for number, name in enumerate(GOLDEN):
        picture = Image.open(HERE / f"{name}.png").convert("RGBA")
        sheet.paste(picture, (number % COLUMNS * CELL, number // COLUMNS * CELL), picture)
    SHEET.parent.mkdir(exist_ok=True)
    sheet.save(SHEET)


if __name__ == "__main__":
    main()
