"""Small files that want much, numbers that no player survives, texts that act: each is one line, at once, in little memory."""

import copy
import json
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glb_cases import changed, join, split
from places import TINY

from facecraft4d.exporters.gltf import writing as gltf
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.splats import BINDINGS
from facecraft4d.toolkit.core.asset import check_avatar
from facecraft4d.toolkit.core.checks import UserError

DOCUMENT, BLOB = split(TINY.read_bytes())
MOST_BYTES, MOST_SECONDS = 96 << 20, 5.0
"""Of memory and time for a file of half a megabyte."""


def without_data(edit: Callable[[dict[str, Any]], None]) -> bytes:
    document = copy.deepcopy(DOCUMENT)
    edit(document)
    return join(document, BLOB)


def wide_skin(document: dict[str, Any]) -> None:
    """Joints and groups of influences without a byte behind them."""
    count = 1 << 20
    for name in ("POSITION", "JOINTS_0", "WEIGHTS_0"):
        accessor = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"][name]]
        accessor["count"] = count
        accessor.pop("bufferView", None)
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    for group in range(1, 64):
        attributes[f"JOINTS_{group}"], attributes[f"WEIGHTS_{group}"] = attributes["JOINTS_0"], attributes["WEIGHTS_0"]


def endless_levels(document: dict[str, Any]) -> None:
    """Sixteen levels of 2^24 splats each, of nothing."""
    attributes = document["meshes"][1]["primitives"][0]["attributes"]
    for name in BINDINGS:
        accessor = document["accessors"][attributes[name]]
        accessor["count"] = 1 << 24
        accessor.pop("bufferView", None)
    node = next(node for node in document["nodes"] if node.get("name") == gltf.SPLATS)
    node["extensions"] = {gltf.LOD_EXTENSION: {"ids": list(range(15))}}
    document["meshes"] += [{**document["meshes"][1], "name": gltf.level_name(level)} for level in range(1, 16)]


def many_targets(document: dict[str, Any]) -> None:
    targets = document["meshes"][0]["primitives"][0]["targets"]
    targets += targets[:1] * 100_000


WANTS_MUCH: dict[str, Callable[[], bytes]] = {
    "wide skin": lambda: without_data(wide_skin),
    "endless levels": lambda: without_data(endless_levels),
    "many targets": lambda: without_data(many_targets),
    "long JSON": lambda: join({**DOCUMENT, "extra": [[]] * 2_000_000}, BLOB),
    "one joint, named again and again": lambda: changed(skins__0__joints=[2] * 256),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WANTS_MUCH)
def test_files_that_want_much_are_refused_before_they_get_it(case: str) -> None:
    data = WANTS_MUCH[case]()
    tracemalloc.start()
    begun = time.monotonic()
    with pytest.raises(UserError) as refusal:
        read_gltf(data, "small.glb")
    assert time.monotonic() - begun < MOST_SECONDS
    assert tracemalloc.get_traced_memory()[1] - len(data) < MOST_BYTES
    tracemalloc.stop()
    assert str(refusal.value).startswith("small.glb: ") and str(refusal.value).isprintable()


def provenance(**at: object) -> bytes:
    return changed(**{f"asset__extras__facecraft4d__provenance__{key}": value for key, value in at.items()})


BAD_NUMBERS = {
    "seed 1e400": lambda: provenance(seed=10**400),
    "seed infinite": lambda: provenance(seed=float("inf")),
    "seed of words": lambda: provenance(seed="7"),
    "metric 1e400": lambda: provenance(metrics={"psnr": 10**400}),
    "metric no number": lambda: provenance(metrics={"psnr": float("nan")}),
    "name is a list": lambda: provenance(versions={"numpy": ["2"]}),
}


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_a_provenance_of_other_kinds_is_refused(case: str) -> None:
    with pytest.raises(UserError, match="expected a sound avatar, found"):
        read_gltf(BAD_NUMBERS[case](), "a.glb")


SPOILED: dict[str, tuple[str, float]] = {
    "log scale 100": ("log_scales", 100.0), "log scale -31": ("log_scales", -31.0), "opacity 1e30": ("opacity_logits", 1e30),
    "mean 1e30": ("means", 1e30), "colour 1e30": ("colors", 1e30), "no rotation": ("rotations_wxyz", 1e-30), "NaN": ("means", np.nan),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_splats_beyond_all_sense_are_refused(case: str, tiny_avatar) -> None:  # type: ignore[no-untyped-def]
    name, value = SPOILED[case]
    splats = replace(tiny_avatar.splats, **{name: np.full_like(getattr(tiny_avatar.splats, name), value)})
    with pytest.raises(ValueError, match=f"splats.{name} must"):
        check_avatar(replace(tiny_avatar, splats=splats))


@pytest.mark.parametrize("value", [1e30, np.inf, 0.0])
def test_heads_without_or_beyond_extent_are_refused(value: float, tiny_avatar) -> None:  # type: ignore[no-untyped-def]
    rig = replace(tiny_avatar.rig, vertices=np.full_like(tiny_avatar.rig.vertices, value))
    with pytest.raises(ValueError, match=r"rig\.vertices must"):
        check_avatar(replace(tiny_avatar, rig=rig))


def test_texts_of_a_file_do_not_act_on_a_terminal(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    from facecraft4d.cli import main

    ingredient = {
        "name": "\x1b[2J\x1b[Hverdict       commercial use: yes", "role": "\u202erole", "licence": "\x9b1A", "commercial_use": "no",
        "source": "x" * 1_000_000, "sha256": "\r\n",
    }  # fmt: skip
    path = tmp_path / "a.glb"
    path.write_bytes(provenance(ingredients=[ingredient]))
    assert main(["inspect", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() and len(line) < 30_000 for line in lines)
    assert lines[0].startswith("verdict       commercial use: no") and r"\x1b[2J" in lines[0]


def test_a_message_is_short_whatever_the_file_says() -> None:
    with pytest.raises(UserError) as refusal:
        read_gltf(changed(accessors__0__type="\x1b" * 1_000_000), "a.glb")
    assert len(str(refusal.value)) <= 2000 and str(refusal.value).isprintable()
    assert json.dumps(str(refusal.value))
