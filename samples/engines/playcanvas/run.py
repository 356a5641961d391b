"""The head in PlayCanvas: python samples/engines/playcanvas/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.still import PLY_DOWN, PLY_UP

PAGE = Page(
    "playcanvas",
    "playcanvas",
    "PlayCanvas",
    "playcanvas",
    "GSplatContainer whose streams are written for each pose",
    stills=(PLY_UP, PLY_DOWN),
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
