"""One verdict with its reason, never better than the worst ingredient; the provenance joins what it is given and tells no place on disk."""

import dataclasses
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest

from facecraft4d import exporters
from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import BuildConfig
from facecraft4d.toolkit.core.asset import Avatar, Provenance, provenance_from_json
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.motion import OWN_CLIPS, builtin_clips
from facecraft4d.toolkit.provenance import options, provenance

FREE = Ingredient("free head", "head model", "CC0-1.0", Commercial.YES, "here", "a" * 64)
DOUBTED = Ingredient("doubted matte", "matting", "AGPL-3.0-only", Commercial.UNKNOWN, "there", "b" * 64)
BOUND = Ingredient("bound prior", "shape prior", "CC-BY-NC-4.0", Commercial.NO, "elsewhere", "c" * 64)


@pytest.mark.parametrize(
    ("ingredients", "verdict", "named"),
    [
        ((FREE, OWN_CLIPS), Commercial.YES, {"free head", "clips"}),
        ((FREE, DOUBTED), Commercial.UNKNOWN, {"doubted matte", "matting", "AGPL-3.0-only"}),
        ((DOUBTED, FREE, BOUND), Commercial.NO, {"bound prior", "shape prior", "CC-BY-NC-4.0"}),
        ((), Commercial.UNKNOWN, {"does not say"}),
    ],
)
def test_the_worst_ingredient_decides_and_is_named(
    ingredients: tuple[Ingredient, ...], verdict: Commercial, named: set[str]
) -> None:
    found = Provenance(ingredients)
    assert found.verdict is verdict and all(word in found.reason for word in named)
    better = [each.name for each in ingredients if each.commercial_use is not verdict]
    assert not any(name in found.reason for name in better)


def test_only_yes_clears() -> None:
    assert [word for word in Commercial if word] == [Commercial.YES]


def test_a_file_gives_the_provenance_back() -> None:
    made = Provenance((FREE, DOUBTED, BOUND), 3, {"numpy": "2"}, {"preset": "draft"}, {"psnr": 0.1})
    assert provenance_from_json(json.loads(json.dumps(asdict(made)))) == made


@pytest.mark.parametrize(
    ("written", "read"),
    [(True, Commercial.YES), (False, Commercial.NO), (None, Commercial.UNKNOWN), ("perhaps", Commercial.UNKNOWN), (1, Commercial.UNKNOWN)],
)  # fmt: skip
def test_earlier_files_are_read_and_other_words_are_doubt(written: object, read: Commercial) -> None:
    block = json.loads(json.dumps(asdict(Provenance((FREE,)))))
    block["ingredients"][0]["commercial_use"] = written
    assert provenance_from_json(block).verdict is read


def test_the_avatar_file_keeps_the_three_states(tiny_avatar: Avatar, tmp_path: Path) -> None:
    made = replace(tiny_avatar, provenance=Provenance((FREE, DOUBTED, BOUND)))
    exporters.export(made, tmp_path / "a.glb")
    assert exporters.load(tmp_path / "a.glb").provenance == made.provenance


def test_what_several_stages_name_is_listed_once_in_order() -> None:
    again = replace(FREE, source="said otherwise")
    other_role, other_bytes = replace(FREE, role="eyes"), replace(FREE, sha256="d" * 64)
    found = provenance(iter((BOUND, FREE, again, other_role, BOUND, other_bytes, DOUBTED)), BuildConfig())
    assert found.ingredients == (BOUND, FREE, other_role, other_bytes, DOUBTED)


def test_joining_never_loses_the_stricter_verdict() -> None:
    assert provenance((FREE, replace(FREE, commercial_use=Commercial.NO)), BuildConfig()).verdict is Commercial.NO


def test_nothing_is_listed_that_was_not_handed_in() -> None:
    assert provenance((), BuildConfig()).ingredients == ()


@dataclass(frozen=True)
class Checkpoints:
    """Options of a prior that the user brings files for."""

    file: Path
    folder: Path
    several: tuple[Path, ...]
    absent: Path
    none: Path | None = None


@dataclass(frozen=True)
class WithPaths(BuildConfig):
    """A build with such a prior."""

    checkpoints: Checkpoints = field(default_factory=lambda: Checkpoints(Path(), Path(), (), Path()))


def test_no_place_on_the_disk_enters_a_file(
    tmp_path: Path, tiny_avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))
    (tmp_path / "secret" / "sdxl").mkdir(parents=True)
    net = tmp_path / "secret" / "net.pkl"
    net.write_bytes(b"numbers")
    (net.parent / "sdxl" / "unet.bin").write_bytes(b"more")
    monkeypatch.chdir(net.parent / "sdxl")
    given = Checkpoints(net, Path("."), (net, net), net.parent / "gone.pkl")
    found = options(WithPaths(checkpoints=given))
    told = f"net.pkl (sha256 {weights.file_sha256(net)})"
    assert found["checkpoints.file"] == told and told in found["checkpoints.several"]
    assert found["checkpoints.folder"] == f"sdxl (sha256 {weights.content_sha256(net.parent / 'sdxl')})"
    assert found["checkpoints.absent"] == "gone.pkl (not found)" and found["checkpoints.none"] == "None"
    made = provenance((FREE,), WithPaths(checkpoints=given))
    exporters.export(replace(tiny_avatar, provenance=made), tmp_path / "a.glb")
    assert b"net.pkl" in (tmp_path / "a.glb").read_bytes() and b"secret" not in (tmp_path / "a.glb").read_bytes()


def test_a_users_own_file_is_named_without_its_place(tmp_path: Path) -> None:
    own = tmp_path / "own.task"
    own.write_bytes(b"mine")
    found = weights.as_ingredient("face_landmarker", "landmarks", own)
    assert (found.licence, found.commercial_use) == ("unknown", Commercial.UNKNOWN)
    assert str(tmp_path) not in json.dumps(dataclasses.asdict(found))


def test_our_own_clips_are_counted_right() -> None:
    assert len(builtin_clips()) == 8 + 1 and "face_cap" in builtin_clips() and OWN_CLIPS.role.startswith("eight")
