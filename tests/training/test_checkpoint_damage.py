"""A damaged or forged checkpoint is never taken up: training starts anew and says so."""

import errno
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_subject import NO_LPIPS, a_state, a_trainer, subject

from facecraft4d.toolkit.config import LevelsConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.training import checkpoint, loop
from facecraft4d.toolkit.training.checked import Course
from facecraft4d.toolkit.training.checkpoint import FILE_NAME, load_checkpoint, save_checkpoint
from facecraft4d.toolkit.training.state import TrainingState

KEY = "this training"
CONFIG = replace(NO_LPIPS, levels=LevelsConfig(iterations=2))
STEPS = 15
"""The whole takes 12: the state has Adam's moments, curves and two larger levels."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, bytes]:
    """A training in its second level, as its course and its checkpoint."""
    folder = tmp_path_factory.mktemp("trained")
    scene = subject(folder / "frames")
    trainer = a_trainer(scene, CONFIG)
    state = a_state(scene, trainer)
    for _ in range(STEPS):
        terms = loop.train_step(trainer, state)
        if state.step % 5 == 0:
            state.record({name: float(value) for name, value in terms.items()})
    save_checkpoint(folder, state, KEY)
    return Course(trainer.schedule, len(scene[2].rig.triangles)), (folder / FILE_NAME).read_bytes()


def taken_up(folder: Path, course: Course, key: str = KEY) -> tuple[TrainingState | None, list[str]]:
    notes: list[str] = []
    state = load_checkpoint(folder, key, "cpu", course, lambda progress: heard(progress, notes))
    return state, notes


def heard(progress: Progress, notes: list[str]) -> None:
    assert progress.stage == "training"
    notes.extend(progress.notes)


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return list(first) == list(second) and all(equal(first[name], second[name]) for name in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second or (first != first and second != second))


@pytest.mark.slow
def test_a_state_comes_back_bit_for_bit(tmp_path: Path, trained: tuple[Course, bytes]) -> None:
    course, content = trained
    (tmp_path / FILE_NAME).write_bytes(content)
    state, notes = taken_up(tmp_path, course)
    assert notes == []
    assert state is not None and state.step == STEPS and len(state.larger) == 2
    assert all(tensor.requires_grad for tensor in state.parameters.values())
    save_checkpoint(tmp_path, state, KEY)
    again, _ = taken_up(tmp_path, course)
    assert all(equal(getattr(state, each.name), getattr(again, each.name)) for each in fields(TrainingState))


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """A flipped bit, a cut, a hole of zeros, an insertion, or two parts that changed places."""
    data, at = bytearray(content), int(rng.integers(len(content)))
    match int(rng.integers(5)):
        case 0:
            data[at] ^= 1 << int(rng.integers(8))
        case 1:
            del data[at:]
        case 2:
            data[at : at + 64] = bytes(len(data[at : at + 64]))
        case 3:
            data[at:at] = rng.bytes(int(rng.integers(1, 9)))
        case _:
            data = data[at:] + data[:at]
    return bytes(data)


@pytest.mark.slow
def test_300_mutations_start_anew_and_say_so(tmp_path: Path, trained: tuple[Course, bytes]) -> None:
    course, content = trained
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = mutated(content, rng)
        (tmp_path / FILE_NAME).write_bytes(damaged)
        state, notes = taken_up(tmp_path, course)
        if damaged == content:  # a hole of zeros among zeros
            assert state is not None and not notes
            continue
        assert state is None and len(notes) == 1 and "\n" not in notes[0]
        assert "the checkpoint is damaged (" in notes[0] and notes[0].endswith("training starts anew")
        assert not (tmp_path / FILE_NAME).exists(), "said once"


def forged(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Another checkpoint with a hash that fits: only what it holds speaks against it."""
    tree = torch.load(io.BytesIO(content[32:]), weights_only=True)
    change(tree["state"])
    return written(tree)


def written(tree: Any) -> bytes:
    body = io.BytesIO()
    torch.save(tree, body)
    return hashlib.sha256(body.getvalue()).digest() + body.getvalue()


def parameter(change: Callable[[torch.Tensor], Any], name: str = "means", group: str = "parameters") -> Any:
    return lambda state: state[group].update({name: change(state[group][name])})


FORGERIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a step beyond the end": lambda state: state.update(step=10_000),
    "a step before the start": lambda state: state.update(step=-1),
    "a step that is a truth value": lambda state: state.update(step=True),
    "a step that is a float": lambda state: state.update(step=3.0),
    "a field more": lambda state: state.update(more=1),
    "a field less": lambda state: state.pop("curves"),
    "no parameters": lambda state: state.update(parameters={}),
    "parameters that are none": lambda state: state.update(parameters=[]),
    "a parameter more": lambda state: state["parameters"].update(more=torch.zeros(3)),
    "a parameter less": lambda state: state["parameters"].pop("means"),
    "a parameter of another type": parameter(torch.Tensor.double),
    "a parameter of another shape": parameter(lambda means: means[:, :2].clone()),
    "a row less": parameter(lambda means: means[:-1].clone()),
    "a parameter that claims more than it holds": parameter(lambda means: torch.zeros(1).expand(means.shape)),
    "a sparse parameter": parameter(torch.Tensor.to_sparse),
    "a number in place of a parameter": parameter(lambda means: 1.0),
    "a parameter that is not finite": parameter(lambda means: means * float("nan")),
    "a network of another shape": parameter(lambda bias: torch.zeros(3), "hidden_bias"),
    "a triangle beyond the rig": lambda state: state["triangles"].fill_(80_000),
    "a triangle below 0": lambda state: state["triangles"].fill_(-1),
    "triangles of another type": lambda state: state.update(triangles=state["triangles"].int()),
    "no splats": lambda state: state.update(triangles=torch.zeros(0, dtype=torch.int64)),
    "a negative count": lambda state: state["gradient_count"].fill_(-1),
    "moments of what is no parameter": lambda state: state["first_moments"].update(more=torch.zeros(3)),
    "second moments alone": lambda state: state["first_moments"].pop("means"),
    "negative second moments": parameter(lambda moments: moments - 1, "means", "second_moments"),
    "moments of another shape": parameter(lambda moments: moments[:-1].clone(), "means", "first_moments"),
    "updates of what is no parameter": lambda state: state["updates"].update(more=1),
    "no updates done": lambda state: state["updates"].update(means=0),
    "more updates than steps": lambda state: state["updates"].update(means=STEPS + 1),
    "a level less": lambda state: state["larger"].pop(),
    "levels in another order": lambda state: state["larger"].reverse(),
    "a level without triangles": lambda state: state["larger"][0].pop("triangles"),
    "a level of another shape": lambda state: state["larger"][0].update(means=torch.zeros(1, 3)),
    "curves of another length": lambda state: state["curves"]["total"].append(1.0),
    "a curve of no loss": lambda state: state["curves"].update(more=[1.0] * len(state["curve_steps"])),
    "a point that is a text": lambda state: state["curves"]["total"].__setitem__(0, "x"),
    "a point that is infinite": lambda state: state["curves"]["total"].__setitem__(0, float("inf")),
    "steps that do not rise": lambda state: state.update(curve_steps=state["curve_steps"][::-1]),
    "steps to come": lambda state: state["curve_steps"].__setitem__(-1, STEPS + 1),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_state_with_its_hash_is_refused(tmp_path: Path, trained: tuple[Course, bytes], forgery: str) -> None:
    course, content = trained
    (tmp_path / FILE_NAME).write_bytes(forged(content, FORGERIES[forgery]))
    state, notes = taken_up(tmp_path, course)
    assert state is None and len(notes) == 1 and "expected" in notes[0]


@pytest.mark.parametrize(
    "tree", [None, [], {}, {"key": KEY}, {"key": KEY, "state": None}, {"key": 1, "state": {}}, {"key": KEY, "state": {1: 2}}]
)  # fmt: skip
def test_a_file_of_another_form_is_refused(tmp_path: Path, trained: tuple[Course, bytes], tree: Any) -> None:
    (tmp_path / FILE_NAME).write_bytes(written(tree))
    state, notes = taken_up(tmp_path, trained[0])
    assert state is None and len(notes) == 1


def test_a_packed_file_is_refused_before_it_is_unpacked(tmp_path: Path, trained: tuple[Course, bytes]) -> None:
    course, content = trained
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content[32:])) as plain,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other,
    ):
        for member in plain.infolist():
            other.writestr(member.filename, plain.read(member))
    (tmp_path / FILE_NAME).write_bytes(hashlib.sha256(packed.getvalue()).digest() + packed.getvalue())
    state, notes = taken_up(tmp_path, course)
    assert state is None and "packed" in notes[0]


def test_one_of_another_training_is_passed_over_in_silence(tmp_path: Path, trained: tuple[Course, bytes]) -> None:
    course, content = trained
    (tmp_path / FILE_NAME).write_bytes(content)
    assert taken_up(tmp_path, course, "another") == (None, [])
    assert (tmp_path / FILE_NAME).read_bytes() == content
    assert taken_up(tmp_path / "nothing", course) == (None, [])


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        getattr(os, "mkfifo", Path.mkdir),
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("x"),
    ],
)
def test_what_is_no_file_is_refused_and_makes_room(
    tmp_path: Path, trained: tuple[Course, bytes], make: Callable[[Path], Any]
) -> None:
    make(tmp_path / FILE_NAME)
    state, notes = taken_up(tmp_path, trained[0])
    assert state is None and len(notes) == 1 and not os.path.lexists(tmp_path / FILE_NAME)


@pytest.mark.slow
def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch speaks of its own error alone."""
    scene = subject(tmp_path / "frames")
    state = a_state(scene, a_trainer(scene, CONFIG))

    def write(self: Any, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    real = checkpoint._Hashed.__init__

    def begin(self: Any, stream: Any) -> None:
        real(self, stream)
        self._stream = type("Full", (), {"write": write, "flush": lambda self: None})()

    monkeypatch.setattr(checkpoint._Hashed, "__init__", begin)
    with pytest.raises(UserError, match=r"checkpoint\.pt: cannot be written: No space left on device"):
        save_checkpoint(tmp_path, state, KEY)
    assert not list(tmp_path.glob(".*partial*"))
