"""The head in LAM's web player: python samples/engines/lam/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main
from facecraft4d.samples.engines.common.poses import NAMES

PAGE = Page(
    "lam",
    "lam",
    "LAM web player",
    "gaussian-splat-renderer-for-lam",
    "the published player, unchanged; what stretches rather than moves (the small head's lids and lips) changes less, the bust turns with the head",
    file="avatar.zip",
    excused=tuple(name for name in NAMES if name != "neutral"),
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
