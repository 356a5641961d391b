"""The textured mesh in three-vrm: python samples/engines/vrm/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.pictures import TEXTURE_COLOUR

PAGE = Page(
    "vrm",
    "vrm",
    "three-vrm",
    "@pixiv/three-vrm",
    "the textured mesh, not the splats: its colours are the texture's",
    file="avatar.vrm",
    splats=False,
    colour=TEXTURE_COLOUR,
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
