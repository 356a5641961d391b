"""Our own web player beside the engines: python samples/engines/web/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import PARTS, Page, main

PAGE = Page(
    "web",
    "web",
    "our web player",
    None,
    "WebGL2, triangle frames on the graphics card; the deformation is tested to 1e-5",
    moves=dict.fromkeys(PARTS, True),
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
