"""Draw the golden pictures anew with the processor's rasteriser: python tests/golden/regenerate.py, then look at every one."""

from dataclasses import replace
from pathlib import Path

from cases import CASES

from facecraft4d.exporters import load
from facecraft4d.runtime import Backend, pose_from_weights, render_still

HERE = Path(__file__).parent


def main() -> None:
    avatar = load(HERE.parents[1] / "samples" / "tiny_avatar.glb")
    for name, (weights, options) in CASES.items():
        pose = pose_from_weights(avatar.rig, weights)
        render_still(avatar, pose, HERE / f"{name}.png", replace(options, backend=Backend.SOFTWARE))


if __name__ == "__main__":
    main()
