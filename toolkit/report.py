"""report.html: one self-contained page that shows what each stage made and how good the result is."""

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence
from string import Template

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw, ImageFont

from facecraft4d.toolkit import provenance
from facecraft4d.toolkit.asset import Avatar
from facecraft4d.toolkit.checks import UserError
from facecraft4d.toolkit.curves import curves_svg
from facecraft4d.toolkit.datatypes import Camera, Portrait, ViewSet
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.expressions import expression_pose
from facecraft4d.toolkit.evaluation.metrics import METRICS
from facecraft4d.toolkit.geometry import resized_camera
from facecraft4d.toolkit.images import encoded, read_rgb, resized, tiled, to_bytes
from facecraft4d.toolkit.pipeline import Build
from facecraft4d.toolkit.rigging import neutral_pose

Picture = Float32[np.ndarray, "_ _ 3"]

VIEW_SIZE, SHEET_SIZE, HERO_SIZE = 224, 192, 512
"""Sides in pixels of a view, of a cell of the expression sheet, of a large picture."""
SHEET_COLUMNS, LABEL_HEIGHT = 9, 18
SIDES = (0, 45, 90, 135, 180, 225, 270, 315)
TEN = (
    "jawOpen", "mouthSmileLeft", "mouthFunnel", "mouthPucker", "mouthFrownLeft", "eyeBlinkLeft", "eyeWideRight", "browInnerUp", "cheekPuff",
    "tongueOut",
)  # fmt: skip
"""Expressions shown beside the photograph."""
FACE_MARGIN = 1.5
"""Side of a picture of the face, in widths or heights of its landmarks, whichever is larger."""
LANDMARK_RGB = (0.0, 0.75, 0.55)


def report_html(build: Build, preset: str) -> str:
    """The page: photograph, landmarks, matte, crop; views; expressions; loss curves; result; times; metrics; licences; options."""
    camera = build.head.coarse.views[0].camera
    sections = [
        _section("Result", _result(build, camera)),
        _section("Metrics", _metrics(build, preset)),
        _section("Photograph", _photograph(build)),
        _section("Views: shape prior, then image prior", _views(build.head.coarse) + _views(build.views)),
        _section(
            "Expressions at weight 1",
            _gallery(expression_pictures(build.avatar, face_camera(camera, build.portrait, SHEET_SIZE))),
        ),
        _section("Training", _curves(build)),
        _section("Time", _times(build)),
        _section("Licences", _licences(build.avatar)),
        _section("Options and versions", _options(build)),
    ]
    title = html.escape(f"FaceCraft4D: {build.photo.name}")
    return PAGE.substitute(title=title, sections="\n".join(sections))


def face_window(portrait: Portrait) -> tuple[float, float, float]:
    """Left, top and side of a square around the face's landmarks, in parts of the portrait's side."""
    points = portrait.landmarks[:, :2] / portrait.image.shape[0]
    low, high = points.min(0), points.max(0)
    side = FACE_MARGIN * float((high - low).max())
    left, top = ((low + high - side) / 2).tolist()
    return left, top, side


def face_camera(camera: Camera, portrait: Portrait, size: int) -> Camera:
    """The portrait's `camera` narrowed to `face_window`, at `size` pixels."""
    left, top, side = face_window(portrait)
    scale, x, y = size / (side * camera.width), left * camera.width, top * camera.width
    return Camera(
        camera.camera_from_world, camera.fx * scale, camera.fy * scale, (camera.cx - x) * scale, (camera.cy - y) * scale, size, size
    )  # fmt: skip


def photographed_face(portrait: Portrait, size: int) -> Picture:
    """The photograph in `face_window`; white where that leaves the portrait."""
    margin = portrait.image.shape[0]
    left, top, side = (round(value * margin) for value in face_window(portrait))
    wide = np.pad(portrait.image, ((margin, margin), (margin, margin), (0, 0)), constant_values=1)
    return resized(np.ascontiguousarray(wide[margin + top :, margin + left :][:side, :side]), size)


def expression_pictures(avatar: Avatar, camera: Camera) -> tuple[tuple[str, Picture], ...]:
    """Every expression at weight 1, the rest face first, seen by `camera`."""
    rest = ("neutral", draw(avatar, neutral_pose(avatar.rig), camera).image)
    names = enumerate(avatar.rig.expression_names)
    return (rest, *((name, draw(avatar, expression_pose(avatar.rig, index), camera).image) for index, name in names))


def expression_sheet(build: Build) -> Picture:
    """All expressions on one labelled picture, for documents."""
    camera = face_camera(build.head.coarse.views[0].camera, build.portrait, SHEET_SIZE)
    return tiled([labelled(image, name) for name, image in expression_pictures(build.avatar, camera)], SHEET_COLUMNS)


def labelled(image: Picture, text: str) -> Picture:
    """The picture with a line of text under it."""
    height, width, _ = image.shape
    canvas = Image.new("RGB", (width, height + LABEL_HEIGHT), "white")
    canvas.paste(Image.fromarray(to_bytes(image)))
    font = ImageFont.load_default(LABEL_HEIGHT - 5)
    ImageDraw.Draw(canvas).text((width / 2, height + 2), text, "black", font, anchor="ma")
    return np.asarray(canvas, np.float32) / 255


def _result(build: Build, camera: Camera) -> str:
    large = resized_camera(camera, HERO_SIZE, HERO_SIZE)
    pair = [
        ("the photograph, aligned", resized(build.portrait.image, HERO_SIZE)),
        ("the avatar in its pose", draw(build.avatar, build.head.pose, large).image),
    ]
    yaws = build.head.coarse.yaws_degrees
    sides = []
    for side in SIDES:
        nearest = int(np.argmin([abs((yaw - side + 180) % 360 - 180) for yaw in yaws]))
        view = resized_camera(build.head.coarse.views[nearest].camera, VIEW_SIZE, VIEW_SIZE)
        sides.append((f"yaw {yaws[nearest]:.0f}", draw(build.avatar, neutral_pose(build.avatar.rig), view).image))
    small, names = face_camera(camera, build.portrait, VIEW_SIZE), build.avatar.rig.expression_names
    faces = [
        ("the photograph", photographed_face(build.portrait, VIEW_SIZE)),
        ("the avatar in its pose", draw(build.avatar, build.head.pose, small).image),
    ]
    for name in (name for name in TEN if name in names):
        faces.append((name, draw(build.avatar, expression_pose(build.avatar.rig, names.index(name)), small).image))
    return _gallery(pair, "large") + _gallery(sides) + _gallery(faces)


def _photograph(build: Build) -> str:
    portrait = build.portrait
    pictures = [
        ("aligned crop", portrait.image),
        ("478 landmarks", with_landmarks(portrait)),
        ("matte", np.repeat(portrait.alpha[..., None], 3, -1)),
    ]
    try:
        pictures.insert(0, ("as given", read_rgb(build.photo, HERO_SIZE)))
    except UserError:
        pass  # the photograph may be gone when a kept build is reported
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in portrait.notes)
    return _gallery(pictures, "medium") + notes


def with_landmarks(portrait: Portrait) -> Picture:
    """The portrait with a dot on each landmark."""
    image, size = portrait.image.copy(), portrait.image.shape[0]
    centers = np.floor(portrait.landmarks[:, :2]).astype(int)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = (centers + np.array([dx, dy])).T
        inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
        image[y[inside], x[inside]] = LANDMARK_RGB
    return image


def _views(views: ViewSet) -> str:
    return _gallery(
        [
            (f"{yaw:.0f}°", resized(view.image, VIEW_SIZE))
            for view, yaw in zip(views.views, views.yaws_degrees, strict=True)
        ],
        "tiny",
    )


def _curves(build: Build) -> str:
    trained = build.trained
    return "".join(
        f"<figure class=plot>{curves_svg(trained.loss_steps, values)}<figcaption>{html.escape(name)}</figcaption></figure>"
        for name, values in trained.losses.items()
        if np.isfinite(values).any()
    )


def _metrics(build: Build, preset: str) -> str:
    rows = []
    for name, metric in METRICS.items():
        value, target = build.evaluation.metrics.get(name), metric.target(preset)
        sign = "≥" if metric.more_is_better else "≤"
        wanted = "" if target is None else f"{sign} {target:g}"
        verdict = "" if target is None or value is None else "met" if metric.meets(value, target) else "missed"
        shown = "not measured" if value is None else f"{value:.4g} {metric.unit}"
        rows.append((metric.label, shown, wanted, verdict, metric.how))
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in build.evaluation.notes)
    return _table(("metric", "value", f"target ({preset})", "", "how"), rows) + notes


def _times(build: Build) -> str:
    rows = [
        (time.stage, f"{time.seconds:.1f} s", f"{time.peak_bytes / 2**30:.2f} GiB", "kept from an earlier run" if time.cached else "")
        for time in build.times
    ]  # fmt: skip
    return _table(("stage", "time", "peak memory so far", ""), rows)


def _licences(avatar: Avatar) -> str:
    rows = [
        (item.name, item.role, item.licence, "yes" if item.commercial_use else "no, or in doubt", item.source)
        for item in avatar.provenance.ingredients
    ]  # fmt: skip
    cleared = avatar.provenance.commercial_use
    verdict = (
        "Every ingredient may be used commercially." if cleared else "Not every ingredient may be used commercially."
    )
    return f"<p><strong>{verdict}</strong></p>" + _table(
        ("ingredient", "role", "licence", "commercial use", "source"), rows
    )


def _options(build: Build) -> str:
    versions = build.avatar.provenance.versions
    return _table(("option", "value"), provenance.options(build.config).items()) + _table(
        ("package", "version"), versions.items()
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{body}</section>"


def _gallery(pictures: Sequence[tuple[str, Picture]], style: str = "small") -> str:
    cells = "".join(
        f'<figure><img alt="{html.escape(name)}" src="{_data_uri(image)}"><figcaption>{html.escape(name)}</figcaption></figure>'
        for name, image in pictures
    )
    return f'<div class="gallery {style}">{cells}</div>'


def _data_uri(image: Picture) -> str:
    return "data:image/jpeg;base64," + b64encode(encoded(image)).decode()


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(text: str) -> str:
    style = f' class="{text}"' if text in ("met", "missed") else ""
    return f"<td{style}>{html.escape(text)}</td>"


PAGE = Template(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1d2026; --paper: #fafaf8; --line: #dcdcd6; --soft: #6a6d75; --good: #14734b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e4; --paper: #17181b; --line: #35373d; --soft: #9a9da5; --good: #5fcf9b; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .9rem; padding-top: .9rem; border-top: 1px solid var(--line); }
.gallery { display: grid; gap: .6rem; margin-bottom: 1rem; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
.gallery.tiny { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: .35rem; }
.gallery.medium { grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); }
.gallery.large { grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 6px; background: #fff; }
figcaption { font-size: .78rem; color: var(--soft); text-align: center; padding-top: .2rem; overflow-wrap: anywhere; }
.plot { display: inline-block; width: min(100%, 370px); margin-right: 1rem; }
.plot svg { width: 100%; height: auto; color: var(--ink); }
.scroll { overflow-x: auto; margin-bottom: 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; }
td { font-variant-numeric: tabular-nums; }
td.met { color: var(--good); font-weight: 600; }
td.missed { color: var(--bad); font-weight: 600; }
</style>
</head>
<body>
<h1>$title</h1>
$sections
</body>
</html>
"""
)
