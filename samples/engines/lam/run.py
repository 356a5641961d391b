"""The head in LAM's web player: python samples/engines/lam/run.py AVATAR.glb OUTDIR."""

import sys

from facecraft4d.samples.engines.common.browser import Page, main

PAGE = Page(
    "lam",
    "lam",
    "LAM web player",
    "gaussian-splat-renderer-for-lam",
    "the published player, unchanged; the bust turns with the head: turn and clip differ from ours",
    file="avatar.zip",
    excused=("turn", "clip"),
)

if __name__ == "__main__":
    sys.exit(main(PAGE))
