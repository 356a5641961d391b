"""The textured mesh in three-vrm: python samples/engines/vrm/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

TEXTURE_COLOUR = 10.0
"""Mean colours may differ so much from the splats', of 255: the texture was painted from the photograph, the splats were trained on it."""
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
