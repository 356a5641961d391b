"""Several sources at once, keys, and tables that say whose curve moves what."""

from pathlib import Path

import numpy as np
import pytest
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.drivers.keyboard import KEYS, Keyboard
from facecraft4d.runtime.drivers.mixer import Mixer, sampled
from facecraft4d.runtime.drivers.protocols import listen
from facecraft4d.runtime.drivers.retarget import Retarget, read_retarget
from facecraft4d.runtime.drivers.shaping import added
from facecraft4d.runtime.sources import ClipSource
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.motion import builtin_clip, named_rig, on_rig
from facecraft4d.toolkit.core.rigging import pose_from_weights

RIG = load(TINY).rig


class Silent:
    """A source that has nothing to say."""

    def pose(self, now: float) -> Pose | None:
        return None


def test_a_mixture_is_the_sum_in_any_order_and_silent_where_all_are() -> None:
    first, second = (ClipSource(on_rig(builtin_clip(name), RIG)) for name in ("visemes", "head_turns"))
    mixed, turned = Mixer((first, Silent(), second)).pose(1.1), Mixer((second, first)).pose(1.1)
    assert mixed is not None and turned is not None
    assert np.allclose(mixed.joint_rotations, first.pose(1.1).joint_rotations + second.pose(1.1).joint_rotations)
    assert np.allclose(mixed.expression, turned.expression) and mixed.expression.max() <= 1
    assert Mixer((Silent(),)).pose(0.0) is None and Mixer(()).pose(0.0) is None


def test_a_sampled_clip_is_the_clip() -> None:
    clip = on_rig(builtin_clip("brows"), RIG)
    again = sampled(ClipSource(clip), RIG, len(clip.expressions), clip.fps, "again")
    assert np.allclose(again.expressions, clip.expressions, atol=1e-4) and again.duration == clip.duration
    assert not sampled(Silent(), RIG, 3, 30.0, "rest").expressions.any()


def test_keys_show_their_faces_and_let_them_go() -> None:
    keys, smile = Keyboard(RIG), RIG.expression_names.index("mouthSmileLeft")
    assert keys.pose(0.0) is None and not keys.key("A", True)
    assert keys.key("F2", True)
    rising = [keys.pose(0.02 * step) for step in range(1, 15)]
    assert all(pose is not None for pose in rising)
    heights = [float(pose.expression[smile]) for pose in rising if pose is not None]
    assert heights == sorted(heights) and heights[-1] == pytest.approx(0.8)
    keys.key("F4", True)
    both = keys.pose(1.0)
    assert both is not None and both.expression[RIG.expression_names.index("browDownLeft")] > 0.5
    assert both.expression.max() <= 1
    keys.key("F2", False)
    keys.key("F4", False)
    assert keys.pose(1.1) is not None and keys.pose(2.0) is None


@pytest.mark.parametrize("shown, both", [(-0.5, 0.2), (0.5, 1.0), (1.5, 1.5)])
def test_what_is_added_takes_no_face_beyond_its_limits_and_none_back(shown: float, both: float) -> None:
    one, more = (pose_from_weights(RIG, {"jawOpen": weight}) for weight in (shown, 0.7))
    assert added(one, more).expression[RIG.expression_names.index("jawOpen")] == pytest.approx(both)


def test_every_key_moves_the_head() -> None:
    for name in KEYS:
        keys = Keyboard(RIG)
        keys.key(name, True)
        pose = keys.pose(1.0)
        assert pose is not None and pose.expression.max() > 0.2, name


def test_a_table_moves_what_its_rows_say_and_the_rest_as_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("from,to,gain\nmouthSmile_L,mouthSmileLeft,1.5\nmouthSmile_L,cheekSquintLeft,0.5\nneck,neck,0.5\n")
    table = read_retarget(path)
    table.check(RIG)
    matrix = table.matrix(ARKIT_NAMES, ARKIT_NAMES)
    smile, cheek = ARKIT_NAMES.index("mouthSmileLeft"), ARKIT_NAMES.index("cheekSquintLeft")
    expected = np.eye(52)
    expected[smile, smile], expected[cheek, smile] = 1.5, 0.5
    assert np.array_equal(matrix, expected)
    clip = builtin_clip("head_turns")
    moved = table.motion(clip, named_rig())
    neck = moved.joint_names.index("neck")
    assert np.allclose(moved.joint_rotations[:, neck], 0.5 * clip.joint_rotations[:, neck])
    assert np.allclose(Retarget().motion(clip, RIG).expressions, on_rig(clip, RIG).expressions)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected the first line from,to,gain"),
        ("a,b\n", "expected the first line"),
        ("from,to,gain\n", "found none"),
        ("from,to,gain\njawOpen,jawOpen\n", "row 2: expected from,to,gain"),
        ("from,to,gain\njawOpen,jawOpen,nan\n", "gain within 10"),
        ("from,to,gain\njawOpen,jawOpen,11\n", "gain within 10"),
        ("from,to,gain\ntail,jawOpen,1\n", "one of ARKit's 52 or a joint, found tail"),
    ],
)
def test_tables_that_are_none(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_retarget(path)


def test_a_table_for_another_avatar_is_refused() -> None:
    with pytest.raises(UserError, match="the avatar has no curve flame_expr_000"):
        Retarget({("jawOpen", "flame_expr_000"): 1.0}).check(RIG)


def test_a_wrong_phone_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facecraft4d.runtime.drivers.protocols.Listener", lambda *_: pytest.fail("opened"))
    for wanted, phone in (("ifacialmocap", "my phone"), ("vmc", "127.0.0.1")):
        with pytest.raises(UserError, match="--phone"):
            listen(wanted, phone=phone)
