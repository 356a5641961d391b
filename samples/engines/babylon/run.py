"""The head in Babylon.js: python samples/engines/babylon/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

PAGE = Page("babylon", "babylon", "Babylon.js", "@babylonjs/core", "GaussianSplattingMesh.updateData for each pose; rotations have 8 bits")

if __name__ == "__main__":
    sys.exit(main(PAGE))
