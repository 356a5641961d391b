"""make.py OUT --count 50 --seed 1000 [--views all]: folders of random people with known truth, one portrait and pictures from all round each.

Every folder OUT/pSEED holds what docs/people.md lists. Folders that are whole are left as they are.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.images import write_png
from facecraft4d.toolkit.subjects.bust import SHOWN, shown_weights
from facecraft4d.toolkit.subjects.portraits import PARTS, behind, on_orbit, photograph
from facecraft4d.toolkit.subjects.random_people import Person, make_person

SIZE, PORTRAIT_SIZE = 512, 768
CENTRE, DISTANCE, FOCAL = np.array([0.0, -0.02, -0.08]), 0.9, 1047.0
"""Of an adult's orbit, metres and pixels."""
PORTRAIT_CENTRE, PORTRAIT_DISTANCE, PORTRAIT_FOCAL = np.array([0.0, -0.03, -0.05]), 1.05, 1965.0
FEW = ("y000", "y030", "y060", "y090", "y120", "y135", "y180", "y225", "y270", "y330")
"""Level neutral views that are drawn where not all are."""
QUALITY = 93


def views() -> list[tuple[str, str, int, int]]:
    """(name, expression, yaw, pitch) of all 54."""
    neutral = [(15 * index, 0) for index in range(24)] + [(yaw, pitch) for pitch in (15, -15) for yaw in (330, 0, 30)]
    named = [("neutral", yaw, pitch) for yaw, pitch in neutral]
    named += [(expression, yaw, 0) for expression in SHOWN for yaw in (330, 0, 30)]
    return [(f"{expression}_y{yaw:03d}_p{pitch:+03d}", expression, yaw, pitch) for expression, yaw, pitch in named]


def chosen(which: str) -> list[tuple[str, str, int, int]]:
    """All views, or few of them."""
    few = {f"neutral_{yaw}_p+00" for yaw in FEW} | {"neutral_y000_p+15", "jawOpen_y000_p+00"}
    return [view for view in views() if which == "all" or view[0] in few]


def write_person(person: Person, folder: Path, which: str) -> None:
    """All files of one person; cameras.json, which names the others, comes last."""
    for name in ("views", "masks", "parts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    traits, scale, rows = person.traits, person.scale, []
    for name, expression, yaw, pitch in chosen(which):
        camera = on_orbit(person, yaw, pitch, DISTANCE * scale, FOCAL, SIZE, CENTRE * scale)
        weights = SHOWN.get(expression, {})
        picture = photograph(person, camera, shown_weights(person.rig, weights))
        write_jpeg(folder / "views" / f"{name}.jpg", picture.image)
        write_png(folder / "masks" / f"{name}.png", to_bytes(picture.alpha))
        write_png(folder / "parts" / f"{name}.png", picture.parts)
        files = {"image": f"views/{name}.jpg", "mask": f"masks/{name}.png", "parts": f"parts/{name}.png"}
        row = {"name": name, **files, "expression": expression, "arkit": weights, "yaw_deg": yaw, "pitch_deg": pitch}
        rows.append(row | described(camera))
    zoom = PORTRAIT_FOCAL * traits.zoom
    centre = PORTRAIT_CENTRE * scale
    camera = on_orbit(
        person, traits.yaw, traits.pitch, PORTRAIT_DISTANCE * scale, zoom, PORTRAIT_SIZE, centre, traits.roll
    )
    smile = {"mouthSmileLeft": traits.smile, "mouthSmileRight": traits.smile}
    picture = photograph(person, camera, shown_weights(person.rig, smile))
    rng = np.random.default_rng((traits.seed, 75))
    write_jpeg(folder / "portrait.jpg", behind(picture, traits.background, rng))
    write_png(folder / "portrait_mask.png", to_bytes(picture.alpha))
    portrait = {
        "image": "portrait.jpg",
        "mask": "portrait_mask.png",
        "yaw_deg": traits.yaw,
        "pitch_deg": traits.pitch,
        "arkit": smile,
    }
    document = {
        "subject": folder.name,
        "who": traits.described(),
        "head": landmarks(person),
        "orbit": {"centre": list(CENTRE * scale), "distance": DISTANCE * scale, "focal_px": FOCAL},
        "light": {"key_direction": traits.light.direction, "key_colour": traits.light.key, "sky": traits.light.sky, "ground": traits.light.ground},
        "portrait": portrait | described(camera),
        "parts_values": PARTS,
        "views": rows,
    }  # fmt: skip
    (folder / "cameras.json").write_text(json.dumps(document, indent=1))


def described(camera: Camera) -> dict[str, Any]:
    """A camera's size, K and pose."""
    intrinsics = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
    return {
        "width": camera.width,
        "height": camera.height,
        "K": intrinsics,
        "camera_from_world": camera.camera_from_world.tolist(),
    }


def landmarks(person: Person) -> dict[str, Any]:
    """Places on the head at rest, metres."""
    vertices, scale = person.rig.vertices.astype(float), person.scale
    middle = vertices[(np.abs(vertices[:, 0]) < 0.008 * scale) & (vertices[:, 2] > -0.04 * scale)]
    lower = middle[(middle[:, 1] < -0.09 * scale) & (middle[:, 1] > -0.17 * scale)]
    ahead = lower[lower[:, 2] > lower[:, 2].max() - 0.012 * scale]
    return {
        "left_eye": person.rig.joint_positions[1].tolist(),
        "right_eye": person.rig.joint_positions[2].tolist(),
        "nose_tip": middle[middle[:, 2].argmax()].tolist(),
        "chin": ahead[ahead[:, 1].argmin()].tolist(),
        "skull_top": [0.0, 0.115 * scale, -0.05 * scale],
    }


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """A picture in [0, 1]."""
    from PIL import Image

    Image.fromarray(to_bytes(image)).save(path, quality=QUALITY)


def made(out: Path, seed: int, which: str) -> Path:
    """The folder of a seed's person, made unless it is whole."""
    folder = out / f"p{seed:04d}"
    if not (folder / "cameras.json").exists():
        write_person(make_person(seed), folder, which)
    return folder


def main() -> None:
    """Make people one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1000, help="of the first person; the others follow")
    parser.add_argument("--views", choices=("all", "few"), default="all")
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.count):
        start = time.monotonic()
        folder = made(options.out, seed, options.views)
        who = json.loads((folder / "cameras.json").read_text())["who"]
        print(f"{folder.name}: {who} ({time.monotonic() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
