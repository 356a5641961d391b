"""The fitted head's shape beside the truth of people whose heads are known: `python benchmarks/bench_shape.py SUBJECT...`

SUBJECT is a folder with portrait.jpg, cameras.json (`head`: points in metres, the eyeballs' midpoint is the origin) and parts/*.png.
Prints, in millimetres: errors of points after a similarity without rotation that meets the face from the front (eyes from the side), and
the mean distance of the face's profile, forehead to chin, with the eyes together, and shifted and tilted to where it fits best; last the landmarks'
root mean square error in the portrait, in thousandths of the face's width. `--portrait PICTURE` fits that picture instead.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facecraft4d.toolkit import preprocess
from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.core.stages import StageContext, silent
from facecraft4d.toolkit.face_model import FaceModel, load_default_head, personalized_rig, surface_positions
from facecraft4d.toolkit.fitting.moment import fit_moment
from facecraft4d.toolkit.fitting.offsets import fit_offsets
from facecraft4d.toolkit.landmarks.points import FACE_SIDES
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.observed import observed
from facecraft4d.toolkit.shape_prior.parametric.segment import segment

FRONTAL = ("left_eye", "right_eye", "nose_tip", "mouth_centre", "chin")
"""Points that are seen from the front and tell scale and place."""
POINTS = ("nose_tip", "mouth_centre", "chin", "left_ear", "right_ear", "skull_top")
CHIN = (0.0, -0.109, 0.0046)
"""The chin's underside on the mean head, from the eyes' midpoint, metres: what the subjects call chin."""
FOREHEAD = 0.035
"""Metres above the eyes where the profile begins."""
BARE = (30, 60, 150)
"""Labels of parts that show the face itself: skin, eyes, brows."""


def points_of(model: FaceModel, vertices: np.ndarray) -> dict[str, np.ndarray]:
    """The subjects' points on a neutral head, metres."""
    assert model.landmarks_478 is not None
    eyes = (model.joint_regressor @ model.vertices)[3:].mean(0)
    joints = model.joint_regressor @ vertices
    ears = np.unique(model.triangles[in_regions(model, "ears")])
    left = model.vertices[ears, 0] > 0
    chin = ((model.vertices - eyes - CHIN) ** 2).sum(1).argmin()
    lip = surface_positions(model.landmarks_478, model.triangles, vertices)[13]
    head = {"left_eye": joints[3], "right_eye": joints[4], "nose_tip": vertices[vertices[:, 2].argmax()]}
    head |= {"mouth_centre": lip, "chin": vertices[chin], "skull_top": vertices[vertices[:, 1].argmax()]}
    return head | {"left_ear": vertices[ears[left]].mean(0), "right_ear": vertices[ears[~left]].mean(0)}


def aligned(model: FaceModel, vertices: np.ndarray, truth: dict[str, Any]) -> np.ndarray:
    """The head moved and scaled, not turned, into the frame of `truth`."""
    ours = points_of(model, vertices)
    a, b = (np.array([head[name] for name in FRONTAL])[:, :2] for head in (ours, truth))
    scale = ((a - a.mean(0)) * (b - b.mean(0))).sum() / ((a - a.mean(0)) ** 2).sum()
    eyes = [np.mean([head["left_eye"][2], head["right_eye"][2]]) for head in (ours, truth)]
    moved = vertices * scale
    return moved + np.array([*(b.mean(0) - scale * a.mean(0)), eyes[1] - scale * eyes[0]])


def profile_error(model: FaceModel, vertices: np.ndarray, folder: Path, truth: dict[str, Any]) -> tuple[float, float]:
    """Mean distance in metres of the face's profile from both sides: as aligned by the eyes, and shifted and tilted to where it fits best."""
    meta = json.loads((folder / "cameras.json").read_text())
    apart, rest = [], []
    for side, name in ((1, "neutral_y090_p+00"), (-1, "neutral_y270_p+00")):
        view = next(each for each in meta["views"] if each["name"] == name)
        k = np.array(view["K"])
        camera = Camera(np.array(view["camera_from_world"]), k[0, 0], k[1, 1], k[0, 2], k[1, 2], 512, 512)
        parts = cv2.imread(str(folder / "parts" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        drawn = rasterize(camera, vertices.astype(np.float32), model.triangles).covered
        ends = np.array([[0, FOREHEAD, 0.03], truth["chin"]])
        top, bottom = project(camera, ends)[0][:, 1].astype(int)
        metres = project(camera, np.array([[0, 0, 0.0], [0, 1.0, 0]]))[0]
        pixel = 1 / abs(metres[1, 1] - metres[0, 1])
        rows = slice(top, bottom)
        order = slice(None, None, side)
        ours, theirs = drawn[rows, order], (parts[rows, order] > 0)
        first = theirs.argmax(1)
        bare = np.isin(parts[rows, order][np.arange(len(first)), first + 1], BARE) & ours.any(1)
        apart.append(((ours.argmax(1) - first) * pixel)[bare])
        heights = np.flatnonzero(bare)
        rest.append(apart[-1] - np.polyval(np.polyfit(heights, apart[-1], 1), heights))
    return float(np.abs(np.concatenate(apart)).mean()), float(np.abs(np.concatenate(rest)).mean())


def measure(model: FaceModel, folder: Path, picture: Path) -> dict[str, float]:
    """All errors of one person, millimetres."""
    config, context = BuildConfig(), StageContext(0, Device.CPU, folder, silent)
    portrait = preprocess.run(picture, config.preprocess, context)
    seen = (observed(model, portrait, segment(portrait)),)
    latent, _ = fit_moment(model, seen, config.shape_prior.parametric.latent_iterations)
    offsets = fit_offsets(model, latent, seen)
    rig = personalized_rig(model, latent.identity.astype(np.float32), offsets)
    latent_only = personalized_rig(model, latent.identity.astype(np.float32))
    found = {}
    assert model.landmarks_478 is not None and portrait.landmarks is not None
    for name, shape in (("latent landmarks", latent_only), ("landmarks", rig)):
        posed = pose_vertices(shape, latent.pose(model))
        pixels, _ = project(latent.camera, surface_positions(model.landmarks_478, model.triangles, posed).astype(float))
        sides = portrait.landmarks[list(FACE_SIDES), :2]
        off = np.linalg.norm(pixels - portrait.landmarks[:, :2], axis=1) / np.linalg.norm(sides[0] - sides[1])
        found[name] = 1e3 * float(
            np.sqrt((model.landmarks_478.validity * off**2).sum() / model.landmarks_478.validity.sum())
        )
    if not (folder / "cameras.json").exists():
        return found
    truth = json.loads((folder / "cameras.json").read_text())["head"]
    truth["right_ear"] = [-truth["left_ear"][0], *truth["left_ear"][1:]]
    moved = aligned(model, rig.vertices.astype(np.float64), truth)
    ours = points_of(model, moved)
    for name in POINTS:
        error = 1e3 * (ours[name] - truth[name])
        found[name] = float(np.linalg.norm(error))
        print(f"    {name:14s} x {error[0]:6.1f}  y {error[1]:6.1f}  z {error[2]:6.1f}")
    by_eyes, best = profile_error(model, moved, folder, truth)
    return found | {"profile": 1e3 * by_eyes, "profile, posed": 1e3 * best}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", type=Path, nargs="+")
    parser.add_argument("--portrait", default="portrait.jpg", help="the picture in each subject's folder")
    args = parser.parse_args()
    model = load_default_head()
    rows = []
    for subject in args.subjects:
        folder, picture = (subject, subject / args.portrait) if subject.is_dir() else (subject.parent, subject)
        print(subject.name, flush=True)
        rows.append(measure(model, folder, picture))
        print("    " + ", ".join(f"{name} {value:.1f}" for name, value in rows[-1].items()), flush=True)
    for name in rows[0]:
        print(
            f"{name:18s} mean {np.mean([row[name] for row in rows]):5.1f}  worst {max(row[name] for row in rows):5.1f}"
        )


if __name__ == "__main__":
    main()
