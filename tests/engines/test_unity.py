"""Unity's script fits the signatures it uses, as far as a C# compiler sees; and reads what deform_buffers.py writes."""

import json
import re
import runpy
import subprocess
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from deform_runners import ENGINES

from facecraft4d.exporters import load

MAKER: dict[str, Any] = runpy.run_path(str(ENGINES / "deform_buffers.py"))
SCRIPT = ENGINES / "unity" / "AvatarDeformer.cs"


def test_the_script_compiles_against_stand_ins(tmp_path: Path) -> None:
    compiler = which("mcs")
    if compiler is None:
        pytest.skip("no C# compiler (Debian: mono-mcs)")
    stubs = Path(__file__).with_name("unity_stubs.cs")
    quiet = "-nowarn:0649"  # fields that only Unity fills
    command = [
        compiler,
        "-target:library",
        "-warnaserror",
        quiet,
        f"-out:{tmp_path / 'a.dll'}",
        str(stubs),
        str(SCRIPT),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_buffer_of_the_shader_is_set_by_its_name() -> None:
    shader = (ENGINES / "unity" / "DeformPasses.compute").read_text(encoding="utf-8")
    declared = set(re.findall(r"StructuredBuffer<\w+> (\w+);", shader))
    script = SCRIPT.read_text(encoding="utf-8")
    set_there = set(re.findall(r'(?:Load|Reserve)\("(\w+)"|buffers\["(\w+)"\] =', script))
    assert declared == {name or other for name, other in set_there}
    kernels = re.findall(r"#pragma kernel (\w+)", shader)
    assert re.findall(r'Dispatch\("(\w+)"', script) == kernels


def test_written_buffers_come_back_by_their_offsets(tmp_path: Path) -> None:
    avatar = load(Path(str(files("facecraft4d.samples") / "parity_correctives.glb")))
    MAKER["write_buffers"](avatar, tmp_path / "head")
    listing = json.loads((tmp_path / "head.json").read_text(encoding="utf-8"))
    data, arrays = (tmp_path / "head.bin").read_bytes(), MAKER["deform_buffers"](avatar.rig, avatar.splats)
    assert list(listing["buffers"]) == list(arrays) and listing["order"]["count"] == len(avatar.splats.means)
    for name, array in arrays.items():
        where = listing["buffers"][name]
        found = np.frombuffer(data[where["offset"] : where["offset"] + where["bytes"]], array.dtype)
        np.testing.assert_array_equal(found, array.ravel())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head.bin", "head.json"]
