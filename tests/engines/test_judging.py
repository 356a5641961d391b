"""What is said of an engine's pictures: a right one passes, every kind of wrong one is named."""

import numpy as np
import pytest

from facecraft4d.samples.engines.common.pictures import Picture, Reference, compared, references, upright
from facecraft4d.samples.engines.common.poses import BLINK, NAMES, poses, spoken
from facecraft4d.toolkit.core.asset import Avatar

SIZE = 96


@pytest.fixture(scope="module")
def ours(tiny_avatar: Avatar) -> dict[str, Reference]:
    return references(tiny_avatar, poses(tiny_avatar), SIZE)


@pytest.fixture(scope="module")
def pictures(ours: dict[str, Reference]) -> dict[str, Picture]:
    return {name: each.picture for name, each in ours.items()}


def wrong(pictures: dict[str, Picture], ours: dict[str, Reference]) -> dict[str, str]:
    return {name: each.wrong for name, each in compared(pictures, ours).items() if each.wrong}


def test_our_own_pictures_are_right(pictures: dict[str, Picture], ours: dict[str, Reference]) -> None:
    found = compared(pictures, ours)
    assert tuple(found) == NAMES and not wrong(pictures, ours)
    assert {each.psnr for each in found.values()} == {99.0} and {each.colour for each in found.values()} == {0.0}


def test_each_pose_moves_its_own_part(ours: dict[str, Reference]) -> None:
    """The mouth lies under the middle, the subject's left eye above it and to the right, a turn moves the whole head."""
    places = {name: np.argwhere(ours[name].region).mean(0) for name in ("jawOpen", "blink")}
    middle = np.argwhere(ours["neutral"].head).mean(0)
    assert places["jawOpen"][0] > middle[0] > places["blink"][0] and places["blink"][1] > middle[1]
    assert ours["turn"].region.sum() > 2 * ours["jawOpen"].region.sum() > 2 * ours["blink"].region.sum()


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.rot90, lambda picture: np.full_like(picture, 255)])
def test_turned_mirrored_and_empty(turn: object, pictures: dict[str, Picture], ours: dict[str, Reference]) -> None:
    assert callable(turn)
    asymmetric = {name: np.ascontiguousarray(turn(each)) for name, each in pictures.items()}
    assert "not upright" in wrong(asymmetric, ours)["turn"]
    assert upright(pictures["turn"], ours["turn"].picture) and not upright(asymmetric["turn"], ours["turn"].picture)


def test_washed_out(pictures: dict[str, Picture], ours: dict[str, Reference]) -> None:
    """As three.js shows splats without linear output."""
    bright = {name: np.rint(255 * (each / 255.0) ** (1 / 2.2)).astype(np.uint8) for name, each in pictures.items()}
    assert all("colours are off" in reason for reason in wrong(bright, ours).values())
    assert set(wrong(bright, ours)) == set(NAMES)
    assert not any("colours" in each.wrong for each in compared(bright, ours, 255.0).values())


def test_a_still_head_and_the_wrong_eye(
    tiny_avatar: Avatar, pictures: dict[str, Picture], ours: dict[str, Reference]
) -> None:
    still = dict.fromkeys(NAMES, pictures["neutral"])
    assert set(wrong(still, ours)) == set(NAMES) - {"neutral"}
    mirrored = pictures | {"blink": pictures["jawOpen"]}
    assert "lies in its region" in wrong(mirrored, ours)["blink"]


def test_poses_are_said_by_names(tiny_avatar: Avatar) -> None:
    found = {name: spoken(pose, tiny_avatar.rig) for name, pose in poses(tiny_avatar).items()}
    assert found["neutral"] == {"expressions": {}, "joints": {}, "translation": [0.0, 0.0, 0.0]}
    assert found["blink"]["expressions"] == {BLINK: 1.0}
    assert found["turn"]["joints"] == {"neck": pytest.approx([0.0, 0.4, 0.0])}
    assert len(found["clip"]["expressions"]) > 5  # type: ignore[arg-type]
