"""Tries a network of the user's own in a child before it is loaded here: a file that is no network may end a process, or hang it."""

import subprocess

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.limits import child_command, child_environment, ended_by
from facecraft4d.toolkit.weights.fetching import content_sha256, own_path
from facecraft4d.toolkit.weights.table import carried_row

PROGRAM = "facecraft4d.toolkit.weights.trial_child"
NETWORKS = ("face_landmarker", "selfie_segmentation", "isnet", "yunet", "sface")
"""Weights that a library in C++ reads; the others are read by Python and by our own readers."""
PATIENCE_SECONDS = 120.0
"""By the clock; the largest of them loads and runs in three seconds."""


def try_own_network(name: str) -> None:
    """UserError if the user's own file in place of these weights does not load and run; nothing is done for the pinned bytes."""
    if name not in NETWORKS or (own := own_path(name)) is None or content_sha256(own) == carried_row(name).sha256:
        return
    expected = f"a network in place of the weights '{name}'"
    try:
        child = subprocess.run(
            child_command(PROGRAM, name, own.absolute()),
            capture_output=True,
            text=True,
            errors="replace",
            env=child_environment(),
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{own}: expected {expected}, found one that takes too long") from None
    if child.returncode == 1:
        raise UserError(f"{own}: expected {expected}, found {_last_line(child.stderr)}")
    if child.returncode:
        raise UserError(f"{own}: expected {expected}, found one that {ended_by(child.returncode)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["something else"])[-1]
