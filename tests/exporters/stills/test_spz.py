"""SPZ: what was written is read again within its steps, by us and by others, in every version; equal bytes each time."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import gsply
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from splat_cases import LEAST, Case, assert_same_splats, avatar_of, cases, turned_between

from facecraft4d.exporters import ExportOptions, export, load_splats
from facecraft4d.exporters.options import Frame, SpzOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.stills.frames import placed
from facecraft4d.exporters.stills.ply import world_ply
from facecraft4d.exporters.stills.ply_reading import read_ply
from facecraft4d.exporters.stills.spz import HEADER, MAGIC, spz_bytes, spz_files
from facecraft4d.exporters.stills.spz_reading import read_spz
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.rigging import neutral_pose

LEAST_LOG_SCALE, MOST_LOG_SCALE = -10.0, 5.9375
COLORS = (-0.4403, 1.4403)
"""What a byte reaches."""
MOST_TURN = 0.005
"""Radians (0.29 degrees): three components to half a step of sqrt(1/2) / 511 each, the fourth following from them at half a unit at least."""


def at_rest(avatar: Avatar) -> Splats:
    return placed(avatar, neutral_pose(avatar.rig))


def written(avatar: Avatar, version: int = 3, bits: int = 18) -> bytes:
    ((name, data),) = spz_files(avatar, "head.spz", ExportOptions(spz=SpzOptions(version, bits)))
    assert name == "head.spz"
    return data


def assert_within_steps(found: Splats, expected: Splats, bits: int) -> None:
    """The laws of docs/formats/spz.md; what lies beyond a byte is at its end."""
    assert np.abs(found.means.astype(np.float64) - expected.means).max() <= 2.0**-bits / 2
    logs = np.clip(np.log(expected.scales.astype(np.float64)), LEAST_LOG_SCALE, MOST_LOG_SCALE)
    assert np.abs(np.log(found.scales) - logs).max() <= 1 / 32 + 1e-6
    assert np.abs(found.opacities - expected.opacities).max() <= 0.5 / 255 + 1e-6
    assert np.abs(found.colors - np.clip(expected.colors, *COLORS)).max() <= 0.00369
    assert turned_between(found.rotations_wxyz, expected.rotations_wxyz).max() <= MOST_TURN


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(cases(), st.sampled_from([3, 4]), st.integers(12, 20))
@example(LEAST, 3, 18)
@example(LEAST, 4, 18)
def test_what_is_written_is_read_within_its_steps(case: Case, version: int, bits: int) -> None:
    avatar = avatar_of(case)
    found = read_spz(written(avatar, version, bits), "a.spz")
    assert_within_steps(found.splats, at_rest(avatar), bits)
    assert found.sh_degree == 0 and found.order == splat_order(avatar.splats)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.booleans())
def test_rotations_of_any_kind_are_within_their_bound(seed: int, zeros: int, equal: bool) -> None:
    wxyz = np.random.default_rng(seed).normal(size=(50, 4)).astype(np.float32)
    wxyz[:, :zeros] = 0
    if equal:
        wxyz = np.sign(wxyz) + (wxyz == 0)
    one = np.ones((50, 3), np.float32)
    splats = Splats(one, wxyz.astype(np.float32), one, np.ones(50, np.float32), one)
    for version in (3, 4):
        found = read_spz(spz_bytes(splats, (), version, 18), "a.spz").splats
        assert turned_between(found.rotations_wxyz, wxyz).max() <= MOST_TURN


@pytest.mark.parametrize("version, bits", [(3, 12), (3, 18), (4, 14), (4, 18)])
def test_an_independent_reader_finds_the_same(tiny_avatar: Avatar, tmp_path: Path, version: int, bits: int) -> None:
    options = ExportOptions(spz=SpzOptions(version, bits))
    (path,) = export(tiny_avatar, tmp_path / "head.spz", options=options)
    ours, theirs = load_splats(path).splats, gsply.read_spz(path)
    assert np.array_equal(theirs.means, ours.means) and np.allclose(theirs.scales, np.log(ours.scales), atol=1e-5)
    assert turned_between(theirs.quats, ours.rotations_wxyz).max() < 1e-5
    assert np.allclose(0.28209479177387814 * theirs.sh0 + 0.5, ours.colors, atol=1e-6)
    assert np.allclose(1 / (1 + np.exp(-theirs.opacities)), ours.opacities, atol=2e-6)


@pytest.mark.parametrize("version", [3, 4])
def test_files_of_others_are_read(tiny_avatar: Avatar, tmp_path: Path, version: int) -> None:
    export(tiny_avatar, tmp_path / "head.ply")
    gsply.write_spz(tmp_path / "other.spz", gsply.plyread(tmp_path / "head.ply"), version=version, fractional_bits=15)
    found = load_splats(tmp_path / "other.spz")
    assert_within_steps(found.splats, at_rest(tiny_avatar), 15)
    assert found.notes == () and found.order is None


def test_version_2_stores_three_components(tmp_path: Path) -> None:
    """Made by the specification, since nobody writes it any more; another reader finds the same."""
    rng, count, degree = np.random.default_rng(5), 20, 2
    widths = (9, 1, 3, 3, 3, 24)
    body = [rng.integers(0, 256, count * width, np.uint8) for width in widths]
    body[4] = rng.integers(90, 166, count * 3, np.uint8)
    data = HEADER.pack(MAGIC, 2, count, degree, 12, 0, 0) + b"".join(part.tobytes() for part in body)
    (tmp_path / "a.spz").write_bytes(gzip.compress(data))
    found, theirs = load_splats(tmp_path / "a.spz"), gsply.read_spz(tmp_path / "a.spz")
    assert found.sh_degree == degree and np.array_equal(theirs.means, found.splats.means)
    assert turned_between(theirs.quats, found.splats.rotations_wxyz).max() < 1e-5
    assert np.allclose(theirs.scales, np.log(found.splats.scales), atol=1e-5)


def test_one_splat_by_hand() -> None:
    """Every byte of a splat in version 3, after unpacking with the standard library."""
    splat = Splats(
        np.float32([[1.0, -0.5, 2.0**-18]]), np.float32([[0.5, -0.5, 0.5, 0.5]]), np.exp(np.float32([[0.0, -10.0, 5.9375]])),
        np.float32([1.0]), np.float32([[0.5, 9.0, -9.0]]),
    )  # fmt: skip
    data = gzip.decompress(spz_bytes(splat, (), 3, 18))
    assert data[:16] == b"NGSP" + struct.pack("<IIBBBB", 3, 1, 0, 18, 0, 0)
    assert data[16:25] == bytes([0, 0, 4, 0, 0, 0xFE, 1, 0, 0])
    assert data[25:32] == bytes([255, 128, 255, 0, 160, 0, 255])
    (word,) = struct.unpack("<I", data[32:])
    component = round(0.5 / 0.5**0.5 * 511)
    assert word >> 30 == 0, "x is the first of the largest"
    negative = 512 + component
    assert [word >> 20 & 1023, word >> 10 & 1023, word & 1023] == [negative, negative, negative]


def test_bytes_do_not_depend_on_the_clock(tiny_avatar: Avatar) -> None:
    for version in (3, 4):
        assert written(tiny_avatar, version) == written(tiny_avatar, version)
    assert written(tiny_avatar)[4:8] == bytes(4), "gzip's time"


@pytest.mark.parametrize("version", [3, 4])
def test_rights_stand_in_every_version(tiny_avatar: Avatar, version: int) -> None:
    options = ExportOptions(title="Größe\0", spz=SpzOptions(version))
    ((_, data),) = spz_files(tiny_avatar, "a.spz", options)
    notes = read_spz(data, "a.spz").notes
    assert "title: Gr\\xf6\\xdfe\\x00" in notes and "license: CC0-1.0" in notes and notes[-1].startswith("frame: +Y up")


@pytest.mark.parametrize("bits, reach", [(12, 2048.0), (18, 32.0), (20, 8.0)])
def test_positions_beyond_the_fixed_point_are_refused(tiny_avatar: Avatar, bits: int, reach: float) -> None:
    far = replace(at_rest(tiny_avatar), means=at_rest(tiny_avatar).means * 0 + np.float32(reach * 1.001))
    words = f"up to {reach * 1.001:.4g} m from the origin, beyond the {reach:g} m of SPZ with {bits} fractional bits"
    with pytest.raises(UserError, match=words):
        spz_bytes(far, (), 3, bits)
    near = replace(far, means=far.means * np.float32(0.998))
    assert_within_steps(read_spz(spz_bytes(near, (), 3, bits), "a.spz").splats, near, bits)


def test_clips_become_a_file_for_each_frame(tiny_avatar: Avatar, tmp_path: Path) -> None:
    from clip_cases import constant

    paths = export(tiny_avatar, tmp_path / "head.spz", options=ExportOptions(clips=(constant("still", 0.5),)))
    assert [path.name for path in paths] == [f"head_still_{frame:04d}.spz" for frame in range(10)]


@pytest.mark.slow
def test_many_splats(tiny_avatar: Avatar) -> None:
    """200,000 of them, in seconds."""
    rows = np.arange(200_000) % len(tiny_avatar.splats.means)
    splats = at_rest(tiny_avatar)
    many = Splats(
        *(getattr(splats, name)[rows] for name in ("means", "rotations_wxyz", "scales", "opacities", "colors"))
    )
    for version in (3, 4):
        assert_within_steps(read_spz(spz_bytes(many, (), version, 18), "a.spz").splats, many, 18)
    assert_same_splats(read_ply(world_ply(many, (), Frame.Y_UP), "a.ply").splats, many)
