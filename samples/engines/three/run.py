"""The head in three.js, as splats and as the textured mesh alone: python samples/engines/three/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

SPLATS = Page("three", "three", "three.js", "three", "GaussianSplat, by its private buffers; WebGPURenderer, linear output")
MESH = Page(
    "three", "three_mesh", "three.js, mesh alone", "three", "plain GLTFLoader: morph targets and joints", "mesh.html", splats=False
)

if __name__ == "__main__":
    sys.exit(main(SPLATS, MESH))
