"""The head in three.js, as splats and as the textured mesh alone: python samples/engines/three/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.still import PLY_DOWN, PLY_UP, SPZ

MESH_COLOUR = 6.0
"""A photograph on a surface is another picture than splats: its silhouette is hard and its hair is skin."""

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
    colour=MESH_COLOUR,
    variant="mesh alone",
)

if __name__ == "__main__":
    sys.exit(main(SPLATS, MESH))
