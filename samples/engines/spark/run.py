"""The head in Spark: python samples/engines/spark/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

PAGE = Page("spark", "spark", "Spark", "@sparkjsdev/spark", "modifier of the shader graph (dyno), posed splats in float textures")

if __name__ == "__main__":
    sys.exit(main(PAGE))
