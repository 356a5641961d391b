"""The head in Spark: python samples/engines/spark/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.still import PLY_DOWN, PLY_UP, SPZ

PAGE = Page(
    "spark",
    "spark",
    "Spark",
    "@sparkjsdev/spark",
    "modifier of the shader graph (dyno), posed splats in float textures",
    stills=(PLY_UP, PLY_DOWN, SPZ),
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
