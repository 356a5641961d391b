"""Results that were forged or are in the way: refused by type, range and digest, set aside whatever kills it, never at a stranger's cost."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

from facecraft4d.toolkit import cache, owned
from facecraft4d.toolkit.cache import keeping
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.stages import Progress

KEY = "a" * 64

FORGED: dict[str, Any] = {
    "seconds": ["1", True, -1, float("nan"), float("inf"), None, [1]],
    "peak_bytes": [1.5, True, -1, 2**63, None, "x"],
    "device_peak_bytes": [0.5, False, -1, 2**63, None, "0"],
    "digest": [None, 1, "", "f" * 64, "F" * 64, "0" * 63, ["0" * 64]],
    "inputs": [None, {}, ["x"], [1], "0" * 64, ["0" * 64], []],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FORGED.items() for value in values])
def test_forged_facts_are_damage(place_of_one: Path, name: str, value: Any) -> None:
    facts = json.loads((place_of_one / "stage.json").read_text())
    (place_of_one / "stage.json").write_text(json.dumps({**facts, name: value}))
    check_one_is_damaged(place_of_one)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"\xff", b"[" * 60_000, b'{"seconds": 1e400}', b'{"seconds": ' + b"9" * 5000 + b"}", b" " * (1 << 20)],
    ids=range(8),
)  # fmt: skip
def test_facts_that_are_none_are_damage(place_of_one: Path, content: bytes) -> None:
    (place_of_one / "stage.json").write_bytes(content)
    check_one_is_damaged(place_of_one)


def test_a_time_without_bounds_is_damage(place_of_one: Path) -> None:
    text = (place_of_one / "stage.json").read_text()
    seconds = json.loads(text)["seconds"]
    (place_of_one / "stage.json").write_text(text.replace(f'"seconds": {seconds}', '"seconds": 1e400'))
    check_one_is_damaged(place_of_one)


@dataclass(frozen=True)
class Inner:
    points: Float32[np.ndarray, "n 3"]
    weights: Float32[np.ndarray, " n"]
    verdict: Commercial


@dataclass(frozen=True)
class Result:
    inner: Inner
    number: float
    count: int
    flag: bool
    pair: tuple[int, str]
    folder: Path | None = None


def result(folder: Path | None = None) -> Result:
    inner = Inner(np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, np.float32), Commercial.YES)
    return Result(inner, 1.5, 3, True, (1, "a"), folder)


@pytest.fixture
def place_of_one(tmp_path: Path) -> Path:
    """The folder of one kept result."""
    return keep_one(tmp_path, lambda _: None)


def keep_one(folder: Path, report: Callable[[Progress], None]) -> Path:
    cache.stage(folder, "s", KEY, Result, lambda _: result(), ("1" * 64,), report)
    return folder / "s" / KEY[: owned.KEY_DIGITS]


def check_one_is_damaged(home: Path) -> None:
    """Recalling refuses it in one line, and the stage makes it anew, with a note."""
    with pytest.raises(UserError) as refused:
        stored = cache.recall(home, Result)
        if stored.inputs != ("1" * 64,):
            raise UserError("other inputs")
    assert "\n" not in str(refused.value) and "Traceback" not in str(refused.value)
    notes: list[str] = []
    keep_one(home.parents[1], lambda progress: notes.extend(progress.notes))
    assert len(notes) == 1 and (home.with_name(home.name + cache.DAMAGED) / "stage.json").exists()
    assert cache.recall(home, Result).result.number == 1.5


def forge(home: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Write another result with all hashes as they should be: only its types speak against it."""
    with np.load(home / "result.npz") as archive:
        arrays = dict(archive)
    tree = json.loads(arrays.pop("tree").tobytes())
    change(tree["fields"], arrays)
    np.savez(home / "result.npz", tree=np.frombuffer(json.dumps(tree).encode(), np.uint8), **arrays)


def put(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda tree, arrays: tree.update({name: value})


FORGERIES: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "an integer's place": put("count", 1.0),
    "a truth value's place": put("flag", 1),
    "a number's place": put("number", "1.5"),
    "a truth value as number": put("number", True),
    "not finite": put("number", float("inf")),
    "huge": put("count", 10**30),
    "none": put("number", None),
    "a short tuple": put("pair", [1]),
    "a tuple of other types": put("pair", ["a", 1]),
    "an object": put("pair", {"fields": {}}),
    "an unknown field": put("more", 1),
    "a missing field": lambda tree, arrays: tree.pop("count"),
    "another tag": lambda tree, arrays: tree["inner"].update({"fields ": tree["inner"].pop("fields")}),
    "two tags": lambda tree, arrays: tree["inner"].update({"mapping": {}}),
    "an unknown word": lambda tree, arrays: tree["inner"]["fields"].update(verdict="perhaps"),
    "an array of doubles": lambda tree, arrays: arrays.update(array_0=arrays["array_0"].astype(np.float64)),
    "an array of other dimensions": lambda tree, arrays: arrays.update(array_0=arrays["array_0"].ravel()),
    "an array of other width": lambda tree, arrays: arrays.update(array_0=arrays["array_0"][:, :2].copy()),
    "lengths that disagree": lambda tree, arrays: arrays.update(array_1=np.ones(3, np.float32)),
    "an array twice": lambda tree, arrays: tree["inner"]["fields"].update(weights={"array": 0}),
    "an array too many": lambda tree, arrays: arrays.update(array_2=np.ones(3, np.float32)),
    "an array that is not there": lambda tree, arrays: arrays.pop("array_1"),
    "an index that is none": lambda tree, arrays: tree["inner"]["fields"].update(weights={"array": -1}),
    "an absolute path": put("folder", {"path": "/tmp"}),
    "a path to above": put("folder", {"path": "files/../../.."}),
    "a path beside": put("folder", {"path": "result.npz"}),
    "a path that is none": put("folder", {"path": 1}),
    "a path with a NUL": put("folder", {"path": "files/\0"}),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_types_come_from_annotations_and_paths_stay_within(place_of_one: Path, forgery: str) -> None:
    forge(place_of_one, FORGERIES[forgery])
    with pytest.raises(UserError, match=r"result\.npz: expected a kept result"):
        cache.load(place_of_one / "result.npz", Result, owned.OWN)
    check_one_is_damaged(place_of_one)


def test_other_numbers_of_the_right_type_are_damage(place_of_one: Path) -> None:
    forge(place_of_one, lambda tree, arrays: arrays.update(array_0=1 - arrays["array_0"]))
    assert cache.load(place_of_one / "result.npz", Result).inner.points[0, 0] == 1, "well formed"
    check_one_is_damaged(place_of_one)


def test_a_whole_number_stays_one_where_a_float_may_stand(tmp_path: Path) -> None:
    cache.save(tmp_path / "a.npz", replace(result(), number=2))
    assert type(cache.load(tmp_path / "a.npz", Result).number) is int


class KilledError(BaseException):
    """Stands for a signal."""


@pytest.mark.slow
def test_setting_aside_may_be_killed_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each step that changes the disk: the next build ends as if nothing had been, and nothing of a stranger is lost."""
    steps, done = 0, False
    while not done:
        folder, left = tmp_path / str(steps), [steps]
        home = keep_one(folder, lambda _: None)
        for _ in range(2):  # the second finds an earlier one set aside
            (home / "result.npz").write_bytes(b"damaged")
            if not home.with_name(home.name + cache.DAMAGED).exists():
                keep_one(folder, lambda _: None)
        with monkeypatch.context() as patched:
            for name in ("unlink", "rename", "rmdir", "replace"):
                patched.setattr(Path, name, dying(getattr(Path, name), left))
            try:
                keeping.set_aside(home)
                done = True
            except KilledError:
                pass
        keep_one(folder, lambda _: None)
        assert cache.recall(home, Result).result.count == 3
        assert {path.name for path in home.parent.iterdir()} <= {home.name, home.name + cache.DAMAGED}
        steps += 1
    assert steps > 4


def dying(real: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return real(*arguments, **named)

    return call


def test_what_a_stranger_put_in_the_way_is_not_touched(place_of_one: Path) -> None:
    aside = place_of_one.with_name(place_of_one.name + cache.DAMAGED)
    aside.mkdir()
    (aside / "thesis.tex").write_bytes(b"years")
    (place_of_one / "stage.json").write_bytes(b"")
    with pytest.raises(UserError, match="not ours; move it"):
        keep_one(place_of_one.parents[1], lambda _: None)
    assert (aside / "thesis.tex").read_bytes() == b"years" and place_of_one.exists()


@pytest.mark.parametrize(
    "make", [Path.touch, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to(path)]
)
@pytest.mark.parametrize("where", ["s", f"s/{KEY[:16]}"])
def test_what_is_no_folder_is_one_line(tmp_path: Path, where: str, make: Callable[[Path], Any]) -> None:
    (tmp_path / where).parent.mkdir(exist_ok=True)
    make(tmp_path / where)
    with pytest.raises(UserError, match="move"):
        keep_one(tmp_path, lambda _: None)


def test_evaluation_never_changes_what_is_damaged(place_of_one: Path) -> None:
    (place_of_one / "result.npz").write_bytes(b"damaged")
    with pytest.raises(
        UserError, match=r"the kept result is damaged .*; build again, and this stage alone is made anew"
    ):
        cache.kept(place_of_one.parents[1], "s", Result)
    assert (place_of_one / "result.npz").read_bytes() == b"damaged"


def test_two_complete_results_are_no_finished_build(place_of_one: Path) -> None:
    shutil.copytree(place_of_one, place_of_one.with_name("b" * 16))
    with pytest.raises(UserError, match="expected one result, found 2"):
        cache.kept(place_of_one.parents[1], "s", Result)
    keep_one(place_of_one.parents[1], lambda _: None)
    assert cache.kept(place_of_one.parents[1], "s", Result) is not None
