"""Expressions on the command line: NAME=VALUE."""

from dataclasses import replace

import numpy as np

from facecraft4d.cli_common import check_option, complain
from facecraft4d.exporters.expression_sets import mixture_of
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose, Rig

WEIGHTS = (-10.0, 10.0)
"""Weights of an expression that make sense even in jest."""
NECK, NECK_DEGREES = "neck", (-90.0, 90.0)
"""The joint that turns a head, and how far it can."""
SANE = (0.0, 1.0)
"""Weights beyond which faces tear."""


def expression_weights(settings: tuple[str, ...], unclamped: bool = False) -> dict[str, float]:
    """Weights given as NAME=VALUE, within 0 and 1 unless `unclamped`: what is cut is said. UserError for anything else.

    Names may be written as other programs do (jawopen, eyeBlink_L), and be one of VRM's presets (happy, aa).
    """
    weights: dict[str, float] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            value = float(text)
        except ValueError:
            wanted = "expected NAME=VALUE with a number, for instance jawOpen=0.8"
            raise UserError(f"--expression {setting}: {wanted}") from None
        check_option(f"expression {name}", value, *WEIGHTS)
        cut = min(max(value, SANE[0]), SANE[1])
        if not unclamped and cut != value:
            complain(f"note: {name}={value:g} tears the face; taken as {cut:g} (--unclamped draws it as it is)")
            value = cut
        for target, share in (mixture_of(name) or {name: 1.0}).items():
            weights[target] = share * value
    return weights


def turned_neck(rig: Rig, pose: Pose, degrees: tuple[float, float, float]) -> Pose:
    """The pose with the neck turned about x, y and z. UserError for a rig without a neck, and for what no neck does."""
    for axis, turn in zip(("down", "left", "lean"), degrees, strict=True):
        check_option(f"neck, {axis},", turn, *NECK_DEGREES)
    if not any(degrees):
        return pose
    if NECK not in rig.joint_names:
        raise UserError(f"--neck: this avatar has no joint {NECK}; it has {', '.join(rig.joint_names)}")
    turns = pose.joint_rotations.copy()
    turns[rig.joint_names.index(NECK)] += np.radians(degrees).astype(np.float32)
    return replace(pose, joint_rotations=turns)
