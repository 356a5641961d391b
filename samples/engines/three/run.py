"""The head in three.js: python samples/engines/three/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

PAGE = Page("three", "three", "three.js", "three", "GaussianSplat, by its private buffers; WebGPURenderer, linear output")

if __name__ == "__main__":
    sys.exit(main(PAGE))
