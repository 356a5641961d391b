"""report.html: one self-contained page that shows what each stage made and how good the result is."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

from facecraft4d.toolkit import provenance
from facecraft4d.toolkit.built import Build
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.expressions import expression_pose
from facecraft4d.toolkit.evaluation.fidelity import Fidelity
from facecraft4d.toolkit.evaluation.metrics import MEASURES, METRICS, PAPER
from facecraft4d.toolkit.evaluation.paper.measures import Likeness, of_group
from facecraft4d.toolkit.images import read_rgb, resized
from facecraft4d.toolkit.report.curves import curves_svg
from facecraft4d.toolkit.report.figures import (
    Rgb,
    face_camera,
    photographed_face,
    side_camera,
    with_landmarks,
)
from facecraft4d.toolkit.report.pieces import PAGE, gallery, paragraphs, section, table

VIEW_SIZE, HERO_SIZE = 224, 512
"""Sides in pixels of a view and of a large picture."""
SIDES = (0, 45, 90, 135, 180, 225, 270, 315)
TEN = (
    "jawOpen", "mouthSmileLeft", "mouthFunnel", "mouthPucker", "mouthFrownLeft", "eyeBlinkLeft", "eyeWideRight", "browInnerUp", "cheekPuff",
    "tongueOut",
)  # fmt: skip
"""Expressions shown beside the photograph."""


EVALUATION = "<!-- evaluation -->"
"""Stands twice in a page: around the section that facecraft4d evaluate writes."""
AMPLIFIED = 4
"""By how much pictures of differences are made stronger."""


def report_html(build: Build, preset: str, expressions: Sequence[tuple[str, Rgb]]) -> str:
    """The page: photograph, landmarks, matte, crop; views; `expression_pictures`; loss curves; result; times; metrics; licences; options."""
    camera = build.coarse.views[0].camera
    sections = [
        section("Result", _result(build, camera)),
        section("Metrics", _metrics(build, preset)),
        section("Photograph", _photograph(build)),
        section(
            "Views: shape prior, then image prior",
            _views(build.coarse) + _views(build.views) + paragraphs(build.shape_notes),
        ),
        section("Expressions at weight 1", gallery(expressions)),
        section("Training", _curves(build)),
        section("Time", _times(build)),
        section("Licences", _licences(build.avatar)),
        section("Options and versions", _options(build)),
    ]
    name = "a portrait" if build.config.preprocess.anonymous else build.photo.name
    title = html.escape(f"FaceCraft4D: {name}")
    return PAGE.substitute(title=title, sections="\n".join(sections))


def _result(build: Build, camera: Camera) -> str:
    large = resized_camera(camera, HERO_SIZE, HERO_SIZE)
    pair = [
        ("the photograph, aligned", resized(build.portrait.image, HERO_SIZE)),
        ("the avatar in its pose", draw(build.avatar, build.head.pose, large).image),
    ]
    sides = []
    for side in SIDES:
        yaw, view = side_camera(build, side, VIEW_SIZE)
        sides.append((f"yaw {yaw:.0f}", draw(build.avatar, neutral_pose(build.avatar.rig), view).image))
    small, names = face_camera(camera, build.portrait, VIEW_SIZE), build.avatar.rig.expression_names
    faces = [
        ("the photograph", photographed_face(build.portrait, VIEW_SIZE)),
        ("the avatar in its pose", draw(build.avatar, build.head.pose, small).image),
    ]
    for name in (name for name in TEN if name in names):
        faces.append((name, draw(build.avatar, expression_pose(build.avatar.rig, names.index(name)), small).image))
    return gallery(pair, "large") + gallery(sides) + gallery(faces)


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
    return gallery(pictures, "medium") + paragraphs(portrait.notes)


def _views(views: ViewSet) -> str:
    return gallery(
        [
            (f"{yaw:.0f}°", resized(view.image, VIEW_SIZE))
            for view, yaw in zip(views.views, views.yaws_degrees, strict=True)
        ],
        "tiny",
    )


def _curves(build: Build) -> str:
    trained = build.trained
    plots = "".join(
        f"<figure>{curves_svg(trained.loss_steps, values)}<figcaption>{html.escape(name)}</figcaption></figure>"
        for name, values in trained.losses.items()
        if np.isfinite(values).any()
    )
    return f'<div class="gallery plots">{plots}</div>'


def _metrics(build: Build, preset: str) -> str:
    rows = []
    for name, metric in METRICS.items():
        value, target = build.evaluation.metrics.get(name), metric.target(preset)
        sign = "≥" if metric.more_is_better else "≤"
        wanted = "" if target is None else f"{sign} {target:g}"
        verdict = "" if target is None or value is None else "met" if metric.meets(value, target) else "missed"
        shown = "not measured" if value is None else f"{value:.4g} {metric.unit}"
        rows.append((metric.label, shown, wanted, verdict, metric.how))
    return table(("metric", "value", f"target ({preset})", "", "how"), rows) + paragraphs(
        (*build.evaluation.alarms, build.evaluation.unsure, *build.evaluation.notes)
    )


def _times(build: Build) -> str:
    rows = [
        (time.stage, f"{time.seconds:.1f} s", f"{time.peak_bytes / 2**30:.2f} GiB" if time.peak_bytes else "unknown", f"{time.device_peak_bytes / 2**30:.2f} GiB" if time.device_peak_bytes else "none used", "kept from an earlier run" if time.cached else "")
        for time in build.times
    ]  # fmt: skip
    return table(("stage", "time", "peak memory so far", "peak on a GPU", ""), rows)


def _licences(avatar: Avatar) -> str:
    rows = [
        (item.name, item.role, item.licence, item.commercial_use, item.source)
        for item in avatar.provenance.ingredients
    ]  # fmt: skip
    made_of = avatar.provenance
    verdict = f"<strong>Commercial use: {made_of.verdict}</strong>; {html.escape(made_of.reason)}."
    return f"<p>{verdict}</p>" + table(("ingredient", "role", "licence", "commercial use", "source"), rows)


def _options(build: Build) -> str:
    versions = build.avatar.provenance.versions
    return table(("option", "value"), provenance.options(build.config).items()) + table(
        ("package", "version"), versions.items()
    )


def with_evaluation(
    page: str,
    avatar: Avatar,
    fidelity: Fidelity,
    about: Mapping[str, str],
    likenesses: Mapping[str, Likeness] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """A report with the evaluation as its last section, in place of an earlier one; an empty `page` becomes one that holds nothing else."""
    page = page or PAGE.substitute(title=html.escape(f"FaceCraft4D: {about['avatar']}"), sections="")
    if page.count(EVALUATION) != 2:  # a report of an earlier version
        page = page.replace("</body>", EVALUATION * 2 + "</body>")
    before, _, rest = page.partition(EVALUATION)
    after = rest.partition(EVALUATION)[2]
    title = f"Evaluation against {about['truth']}"
    body = (
        _fidelity_table(fidelity)
        + paragraphs(fidelity.notes)
        + (_paper_table(list(likenesses.values()), notes) if likenesses else "")
        + "".join(_worst(avatar, fidelity, group) for group in fidelity.groups())
    )
    return before + EVALUATION + section(title, body) + EVALUATION + after


def _fidelity_table(fidelity: Fidelity) -> str:
    """Means by group, and under it how each column is measured."""
    rows = [
        (
            name,
            str(len(fidelity.of(name))),
            str(fidelity.faces(name)),
            *(f"{found[key]:.4g}" for key in fidelity.measured()),
        )
        for name, found in fidelity.groups().items()
    ]
    how = [(MEASURES[name].heading, MEASURES[name].how) for name in fidelity.measured()]
    return table(("", "pictures", "faces", *(name for name, _ in how)), rows) + table(("measure", "how"), how)


def _paper_table(heads: Sequence[Likeness], notes: Sequence[str]) -> str:
    """Heads against their photographs by the paper's measures, how each is made, what could not be."""
    groups = dict.fromkeys(group for head in heads for group in head.groups())
    rows = [
        (
            group,
            *(f"{value:.4g}" if np.isfinite(value) else "not measured" for value in of_group(heads, group).values()),
        )
        for group in groups
    ]
    header = ("against the photograph", *(each.heading for each in PAPER.values()))
    how = table(("measure", "how"), [(each.heading, each.how) for each in PAPER.values()])
    return table(header, rows) + how + paragraphs((*notes, *(note for head in heads for note in head.notes)))


def _worst(avatar: Avatar, fidelity: Fidelity, group: str) -> str:
    """The picture of a group with the largest LPIPS: truth, avatar, what differs; nothing where LPIPS was not measured."""
    if np.isnan(fidelity.of(group)[0][1]["lpips_vgg"]):
        return ""
    truth, row = max(fidelity.of(group), key=lambda pair: pair[1]["lpips_vgg"])
    view = truth.view()
    drawn = draw(avatar, truth.pose, view.camera).image
    difference = 1 - np.clip(np.abs(drawn - view.image) * AMPLIFIED, 0, 1)
    title = html.escape(f"{group}: the worst is {truth.name}, LPIPS (VGG) {row['lpips_vgg']:.3f}")
    pictures = [("truth", view.image), ("avatar", drawn), (f"difference, {AMPLIFIED} times", difference)]
    return f"<p>{title}</p>" + gallery(pictures, "medium")
