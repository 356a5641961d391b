"""LAM's zip and the VRM before strangers: Khronos' validator, and the engines themselves in a headless browser."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from absent import absent
from avatar_cases import random_avatar
from khronos import REMARK, install_validator, issues

from facecraft4d.exporters.lam.writing import FOLDER, export_lam
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.vrm.writing import export_vrm
from facecraft4d.samples.engines.common.browser import Page, look
from facecraft4d.samples.engines.common.places import Missing
from facecraft4d.samples.engines.lam.run import PAGE as LAM
from facecraft4d.samples.engines.vrm.run import PAGE as VRM
from facecraft4d.toolkit.core.asset import Avatar

pytestmark = pytest.mark.slow

REMARKS = {
    "UNSUPPORTED_EXTENSION": {"KHR_xmp_json_ld", "VRMC_vrm"},
    "NODE_EMPTY": {"/nodes/"},
    "ACCESSOR_INDEX_TRIANGLE_DEGENERATE": {"/meshes/0/primitives/0/indices"},
    "IMAGE_NPOT_DIMENSIONS": {"7x5"},
}
"""What the validator may remark on, and what the remark must be about: extensions that it does not know, bones without anything below,
the triangle of a head of one splat, the odd picture of a head by chance."""
MOVES = {
    "lam": {"centre": True, "rotation": False, "scale": False},
    "vrm": {"centre": False, "rotation": False, "scale": False},
}
"""Of the splats; the mesh has none."""
LEAST_PSNR = {"lam": 30.0, "vrm": 20.0}
"""Decibels of the neutral head against our renderer's splats; a textured mesh is another thing than splats."""


def test_khronos_validator(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """No error, no warning, no hint; remarks on what the validator does not know."""
    install_validator(tmp_path)
    for avatar in (tiny_avatar, random_avatar(3, 0, 1, flame=True), random_avatar(4, 7, 30, textured=False)):
        archive = zipfile.ZipFile(io.BytesIO(export_lam(avatar, ExportOptions())))
        files = [archive.read(f"{FOLDER}{name}.glb") for name in ("skin", "animation")]
        for data in (*files, export_vrm(avatar, "x.splats.glb", ExportOptions(title="頭"))):
            found = issues(tmp_path, data)
            assert all(each["severity"] == REMARK for each in found), Counter(each["code"] for each in found)
            for each in found:
                assert any(about in each["message"] + each["pointer"] for about in REMARKS[each["code"]]), each


@pytest.mark.parametrize("page", [LAM, VRM], ids=lambda page: page.name)
def test_plays_in_the_engine(tiny_avatar: Avatar, tmp_path: Path, page: Page) -> None:
    """Upright, in the right colours; the centres of LAM's splats move; what moves of the VRM moves where it does in our renderer."""
    try:
        report = look(page, tiny_avatar, tmp_path, timed=False)
    except Missing as reason:
        absent(reason)
    assert report.ok, report.wrong
    assert report.moves == MOVES[page.name]
    assert report.psnr["neutral"] > LEAST_PSNR[page.name], report.psnr
