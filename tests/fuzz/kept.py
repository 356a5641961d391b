"""What a build keeps, as targets: a stage's result and a checkpoint; damaged ones, and forged ones whose hash fits what they hold."""

import hashlib
import io
import shutil
import tempfile
import zipfile
from functools import cache as once
from pathlib import Path

import numpy as np
from fuzz.mutations import Random, as_json, changed_json, damaged
from kept_build import KEY, trained
from places import TINY
from training_subject import NO_LPIPS, a_state, a_trainer, subject

from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.training import loop
from facecraft4d.toolkit.training.checked import Course
from facecraft4d.toolkit.training.checkpoint import FILE_NAME, load_checkpoint, save_checkpoint
from facecraft4d.toolkit.training.state import TrainingState

HASH_BYTES = hashlib.sha256().digest_size


@once
def _home() -> tuple[Path, cache.Stored[TrainedHead]]:
    """A stage's folder in which a result is kept."""
    stages = Path(tempfile.mkdtemp())
    result = trained(read_gltf(TINY.read_bytes(), "tiny").level(200))
    stored = cache.stage(stages, "training", KEY, TrainedHead, lambda _: result)
    (home,) = (stages / "training").iterdir()
    return home, stored


def results() -> list[bytes]:
    """The kept result's two files."""
    home, _ = _home()
    return [(home / name).read_bytes() for name in ("result.npz", "stage.json")]


def damaged_result(data: bytes, random: Random) -> bytes:
    """Bytes of either file, values of the facts, or values of the tree in a zip that is sound."""
    if data[:2] != b"PK":
        return as_json(changed_json(_as_tree(data), random)) if random.random() < 0.7 else damaged(data, random)
    return _with_other_tree(data, random) if random.random() < 0.4 else damaged(data, random)


def _as_tree(data: bytes) -> object:
    import json

    return json.loads(data)


def _with_other_tree(data: bytes, random: Random) -> bytes:
    with np.load(io.BytesIO(data)) as archive:
        arrays = dict(archive)
    tree = as_json(changed_json(_as_tree(arrays["tree"].tobytes()), random))
    buffer = io.BytesIO()
    np.savez(buffer, **(arrays | {"tree": np.frombuffer(tree, np.uint8)}))
    return buffer.getvalue()


def recall(path: Path) -> None:
    """A damaged file in its place: what is recalled is what was kept, or nothing is."""
    home, stored = _home()
    data = path.read_bytes()
    place = path.parent / "recall"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(home, place)
    (place / ("result.npz" if data[:2] == b"PK" or data[:1] != b"{" else "stage.json")).write_bytes(data)
    assert cache.recall(place, TrainedHead).digest == stored.digest


@once
def _training() -> tuple[Course, bytes]:
    folder = Path(tempfile.mkdtemp())
    scene = subject(folder / "frames")
    trainer = a_trainer(scene, NO_LPIPS)
    state = a_state(scene, trainer)
    for _ in range(6):
        loop.train_step(trainer, state)
    save_checkpoint(folder, state, KEY)
    return Course(trainer.schedule, len(scene[2].rig.triangles)), (folder / FILE_NAME).read_bytes()


def checkpoints() -> list[bytes]:
    """The file of a training under way."""
    return [_training()[1]]


def damaged_checkpoint(data: bytes, random: Random) -> bytes:
    """Bytes anywhere, or bytes of the body under a hash that fits; half of those in the pickle within."""
    if random.random() < 0.3:
        return damaged(data, random)
    body = damaged(data[HASH_BYTES:], random)
    if random.random() < 0.6:
        body = _with_other_pickle(data[HASH_BYTES:], random)
    return hashlib.sha256(body).digest() + body


def _with_other_pickle(body: bytes, random: Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as archive, zipfile.ZipFile(buffer, "w") as other:
        for member in archive.namelist():
            content = archive.read(member)
            other.writestr(member, damaged(content, random) if member.endswith("data.pkl") else content)
    return buffer.getvalue()


def resume(path: Path) -> None:
    """A damaged file in its place: a state that training can go on from, or a note."""
    course, sound = _training()
    folder = path.parent / "resume"
    folder.mkdir(exist_ok=True)
    (folder / FILE_NAME).write_bytes(path.read_bytes())
    notes: list[str] = []

    def heard(progress: Progress) -> None:
        notes.extend(progress.notes)

    state = load_checkpoint(folder, KEY, "cpu", course, heard)
    if state is None:
        raise UserError(notes[0] if notes else "another training's")
    assert isinstance(state, TrainingState) and all(tensor.isfinite().all() for tensor in state.parameters.values())
    assert path.read_bytes() == sound or state.step <= course.schedule.total
