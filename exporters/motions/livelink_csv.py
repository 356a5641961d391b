"""Recordings of Live Link Face: a row per frame with a timecode, 52 weights and the turns of head and eyes.

Columns are read by their names, never by place: the app's file has another order than its packets. Angles are radians: yaw to the subject's
left, pitch up, roll to the right, as in its packets.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import MOST_TURN, MOST_WEIGHT
from facecraft4d.toolkit.core.tables import MAX_ROWS, check_column, csv_cells, csv_lines, csv_numbers

TIMECODE, COUNT = "timecode", "blendshapecount"
HEAD = ("headpitch", "headyaw", "headroll")
_SIDES = ("Left", "Right")
_EYE = ("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide")
_PAIRED = ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch")
PACKET_ORDER: tuple[str, ...] = (
    *(f"{name}{side}" for side in _SIDES for name in _EYE),
    *(
        "jawForward",
        "jawLeft",
        "jawRight",
        "jawOpen",
        "mouthClose",
        "mouthFunnel",
        "mouthPucker",
        "mouthLeft",
        "mouthRight",
    ),
    *(f"{name}{side}" for name in _PAIRED for side in _SIDES),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *(f"{name}{side}" for name in ("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown") for side in _SIDES),
    *("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("noseSneerLeft", "noseSneerRight", "tongueOut"),
    *("headYaw", "headPitch", "headRoll"),
    *(f"{side}Eye{axis}" for side in ("left", "right") for axis in ("Yaw", "Pitch", "Roll")),
)
"""Of the 61 numbers in a packet over the network. The eyes' angles are not used: the eyeLook weights say the same."""
SWAPPED = {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}
"""What stands in the other's place in the app's own files."""
RATES = (24, 25, 30, 48, 50, 60, 120)
"""Frames a second of takes: the smallest that no frame number of a file reaches."""
DAY_SECONDS = 86_400
ANGLES = -1.0, 1.0, 1.0
"""The signs of pitch, yaw and roll in our frame."""


def fits(data: bytes) -> bool:
    """Whether the first line is that of a recording."""
    return data[:64].decode("utf-8-sig", "ignore").lstrip().lower().startswith(TIMECODE)


def parse(name: str, data: bytes) -> Motion:
    """A clip from the bytes of a file of that name. UserError for what is none; frames in which nobody was seen are filled from their neighbours."""
    lines = csv_lines(name, data)
    header = [cell.lower() for cell in csv_cells(name, next(lines, ""))]
    columns = {arkit.lower(): index for index, arkit in enumerate(ARKIT_NAMES)}
    if len(set(header)) < len(header) or not set(header) & set(columns):
        raise UserError(
            f"{name}: expected the columns Timecode, BlendShapeCount, EyeBlinkLeft, ..., found {', '.join(header[:5])}"
        )
    rows = list(_seen(name, lines, header))
    codes = [row[header.index(TIMECODE)] for row in rows]
    rest = [index for index, column in enumerate(header) if column != TIMECODE]
    values = csv_numbers(name, (",".join(row[index] for index in rest) for row in rows), len(rest))
    table = np.zeros((len(values), len(ARKIT_NAMES) + 3))
    for place, index in enumerate(rest):
        column = header[index]
        if column in columns:
            check_column(name, ARKIT_NAMES[columns[column]], values[:, place], MOST_WEIGHT, "")
            table[:, columns[column]] = values[:, place]
        elif column in HEAD:
            check_column(name, column, values[:, place], MOST_TURN, " radians")
            axis = HEAD.index(column)
            table[:, len(ARKIT_NAMES) + axis] = ANGLES[axis] * values[:, place]
    fps, table = _on_takes_grid(name, codes, table)
    return Motion(
        name.removesuffix(".csv"), float(fps), ARKIT_NAMES, table[:, : len(ARKIT_NAMES)].astype(np.float32), ("neck",),
        table[:, None, len(ARKIT_NAMES) :].astype(np.float32), np.zeros((len(table), 3), np.float32),
    )  # fmt: skip


def _seen(name: str, lines: Iterable[str], header: list[str]) -> Iterator[list[str]]:
    """The rows in which the app saw a face: it leaves the others short, or their count 0."""
    for line in lines:
        cells = csv_cells(name, line)
        if len(cells) > len(header):
            raise UserError(f"{name}: a row has {len(cells)} cells where the header has {len(header)}")
        if len(cells) == len(header) and all(cells) and (COUNT not in header or cells[header.index(COUNT)] != "0"):
            yield cells


def _on_takes_grid(name: str, codes: list[str], table: np.ndarray) -> tuple[int, np.ndarray]:
    """The take's rate, and a row for each of its frames."""
    rate, seconds = _seconds(name, codes)
    if not (np.diff(seconds) > 0).all():
        raise UserError(f"{name}: timecodes must increase, {codes[int(np.argmin(np.diff(seconds))) + 1][:40]} does not")
    count = round((seconds[-1] - seconds[0]) * rate) + 1
    if count > MAX_ROWS:
        raise UserError(f"{name}: expected at most {MAX_ROWS:,} frames, found {count:,} from {codes[0]} to {codes[-1]}")
    grid = seconds[0] + np.arange(count) / rate
    return rate, np.stack([np.interp(grid, seconds, column) for column in table.T], -1)


def _seconds(name: str, codes: list[str]) -> tuple[int, np.ndarray]:
    """Timecodes HH:MM:SS:FF.sub as seconds; past midnight they go on. The take's rate stands nowhere: the frame numbers tell it."""
    try:
        fields = np.array([[float(part) for part in code.replace(";", ":").split(":")] for code in codes])
        if fields.ndim != 2 or fields.shape[1] != 4 or not (fields >= 0).all() or not np.isfinite(fields).all():
            raise ValueError
    except ValueError:
        raise UserError(f"{name}: expected timecodes such as 10:21:33:14.250, found {codes[0][:40]}") from None
    highest = np.floor(fields[:, 3]).max()
    rate = next((each for each in RATES if each > highest), None)
    if rate is None:
        raise UserError(f"{name}: expected at most {RATES[-1]} frames a second, found frame number {highest:g}")
    seconds = fields @ (3600, 60, 1, 1 / rate)
    days = np.cumsum(np.concatenate([[0.0], np.diff(seconds) < -DAY_SECONDS / 2]))
    return rate, np.asarray(seconds + DAY_SECONDS * days)


def written(clip: Motion) -> bytes:
    """The clip as the app would have recorded it, at the rate nearest its own."""
    rate = min(RATES, key=lambda each: abs(each - clip.fps))
    frames = max(2, round(clip.duration * rate))
    names = [SWAPPED.get(name, name) for name in PACKET_ORDER]
    lines = [",".join(["Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in names)])]
    for frame in range(frames):
        pose = clip.at(min(frame / rate, (len(clip.expressions) - 1) / clip.fps))
        weights = dict(zip(clip.expression_names, pose.expression.tolist(), strict=True))
        if "neck" in clip.joint_names:
            x, y, z = pose.joint_rotations[clip.joint_names.index("neck")].tolist()
            weights |= {"headPitch": -x, "headYaw": y, "headRoll": z}
        cells = (f"{weights.get(name, 0.0):.6f}" for name in names)
        lines.append(",".join([_timecode(frame, rate), str(len(names)), *cells]))
    return ("\n".join(lines) + "\n").encode("ascii")


def _timecode(frame: int, rate: int) -> str:
    seconds, within = divmod(frame, rate)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{within:02d}.000"
