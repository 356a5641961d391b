"""The head in PlayCanvas: python samples/engines/playcanvas/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

PAGE = Page("playcanvas", "playcanvas", "PlayCanvas", "playcanvas", "GSplatContainer whose streams are written for each pose")

if __name__ == "__main__":
    sys.exit(main(PAGE))
