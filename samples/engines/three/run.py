"""The head in three.js, as splats and as the textured mesh alone: python samples/engines/three/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.pictures import TEXTURE_COLOUR
from facecraft4d.samples.engines.common.still import PLY_DOWN, PLY_UP, SPZ

SPLATS = Page(
    "three",
    "three",
    "three.js",
    "three",
    "GaussianSplat, by its private buffers; WebGPURenderer, linear output",
    stills=(PLY_UP, PLY_DOWN, SPZ),
)
MESH = Page(
    "three",
    "three_mesh",
    "three.js",
    "three",
    "plain GLTFLoader: morph targets and joints",
    "mesh.html",
    splats=False,
    colour=TEXTURE_COLOUR,
    variant="mesh alone",
)

if __name__ == "__main__":
    sys.exit(main(SPLATS, MESH))
