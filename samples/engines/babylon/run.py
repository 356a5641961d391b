"""The head in Babylon.js: python samples/engines/babylon/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.exporters.options import Frame
from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.still import Still

PAGE = Page(
    "babylon",
    "babylon",
    "Babylon.js",
    "@babylonjs/core",
    "GaussianSplattingMesh.updateData for each pose; rotations have 8 bits",
    stills=(Still(".ply", Frame.Y_UP, upright=False), Still(".ply", Frame.Y_DOWN), Still(".glb")),
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
