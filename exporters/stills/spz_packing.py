"""The numbers of SPZ: how positions, opacities, colours, scales and rotations become a few bytes, and back.

Specification: https://github.com/nianticlabs/spz (versions 2 to 4). Every stream is described in docs/formats/spz.md.
"""

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.geometry import SH_C0, normalized

POSITION_BITS = 24
"""Of a coordinate, signed."""
MOST_BYTE = 255
COLOR_SCALE = 0.15
"""A byte's share of a unit of the constant harmonic's coefficient: colours reach from -0.44 to 1.44."""
LEAST_LOG_SCALE, SCALE_STEPS = -10.0, 16.0
"""Logarithms of standard deviations begin at the first (45 micrometres) and have so many steps to a unit."""
COMPONENT_BITS = 9
"""Of the size of a quaternion's component; a sign bit comes before."""
LARGEST_BITS = 2
"""Which component of a quaternion is the largest, and not stored."""
MOST_COMPONENT = float(np.sqrt(0.5))
"""Of those that are not the largest."""
FIRST_THREE_HALF = 127.5
"""Version 2 stores x, y, z in steps of its inverse, from -1."""

STREAM_WIDTHS = {2: (9, 1, 3, 3, 3), 3: (9, 1, 3, 3, 4), 4: (9, 1, 3, 3, 4)}
"""Bytes a splat of positions, opacities, colours, scales and rotations, by version."""


def pack(splats: Splats, bits: int) -> tuple[bytes, ...]:
    """The five streams of version 3 and 4, positions in steps of 2^-bits metres. UserError where they reach too far for that."""
    colors = ((splats.colors.astype(np.float64) - 0.5) / SH_C0 * COLOR_SCALE + 0.5) * MOST_BYTE
    with np.errstate(divide="ignore"):  # a scale of 0 is the least
        log_scales = np.log(splats.scales.astype(np.float64))
    return (
        _pack_positions(splats.means, bits),
        _bytes(splats.opacities.astype(np.float64) * MOST_BYTE),
        _bytes(colors),
        _bytes((log_scales - LEAST_LOG_SCALE) * SCALE_STEPS),
        _pack_rotations(splats.rotations_wxyz),
    )


def unpack(streams: tuple[np.ndarray, ...], version: int, bits: int) -> Splats:
    """The splats of the five streams of bytes of any version."""
    positions, alphas, colors, log_scales, rotations = (
        stream.reshape(-1, width) for stream, width in zip(streams, STREAM_WIDTHS[version], strict=True)
    )
    unpack_rotations = _unpack_first_three if version == 2 else _unpack_rotations
    coefficients = (colors / np.float64(MOST_BYTE) - 0.5) / COLOR_SCALE
    return Splats(
        means=_unpack_positions(positions, bits),
        rotations_wxyz=unpack_rotations(rotations),
        scales=np.exp(log_scales / np.float32(SCALE_STEPS) + np.float32(LEAST_LOG_SCALE)),
        opacities=alphas[:, 0] / np.float32(MOST_BYTE),
        colors=(SH_C0 * coefficients + 0.5).astype(np.float32),
    )


def _bytes(values: np.ndarray) -> bytes:
    return np.clip(np.round(values), 0, MOST_BYTE).astype(np.uint8).tobytes()


def _pack_positions(means: np.ndarray, bits: int) -> bytes:
    steps = np.round(means.astype(np.float64) * 2.0**bits)
    most = 2 ** (POSITION_BITS - 1)
    if not ((steps >= -most) & (steps < most)).all():
        reach = float(np.abs(means).max())
        raise UserError(
            f"splats lie up to {reach:.4g} m from the origin, beyond the {most / 2**bits:g} m of SPZ with {bits} fractional bits; lower --spz-bits"
        )
    words: np.ndarray = steps.astype("<i4")[..., None].view(np.uint8)
    return np.ascontiguousarray(words[..., : POSITION_BITS // 8]).tobytes()


def _unpack_positions(rows: np.ndarray, bits: int) -> np.ndarray:
    words = np.zeros((len(rows), 3, 4), np.uint8)
    words[..., 1:] = rows.reshape(-1, 3, 3)  # the sign's byte on top; a division takes the lowest one out again
    return (words.view("<i4")[..., 0] / 2.0 ** (bits + 8)).astype(np.float32)


def _pack_rotations(rotations_wxyz: np.ndarray) -> bytes:
    """The three smaller components of each, in the order x, y, z, w, the first in the highest bits below the index of the largest."""
    xyzw = np.roll(normalized(rotations_wxyz.astype(np.float64)), -1, 1)
    largest = np.abs(xyzw).argmax(1)
    negative = (xyzw < 0) ^ (np.take_along_axis(xyzw, largest[:, None], 1) < 0)
    most = 2**COMPONENT_BITS - 1
    sizes = np.minimum(np.round(np.abs(xyzw) / MOST_COMPONENT * most), most).astype(np.uint32)
    words: np.ndarray = np.zeros(len(xyzw), np.uint32)
    for axis in range(4):
        component = negative[:, axis].astype(np.uint32) << COMPONENT_BITS | sizes[:, axis]
        words = np.where(largest == axis, words, words << (COMPONENT_BITS + 1) | component)
    words |= largest.astype(np.uint32) << (32 - LARGEST_BITS)
    return words.astype("<u4").tobytes()


def _unpack_rotations(rows: np.ndarray) -> np.ndarray:
    """Quaternions wxyz [n, 4]."""
    words = np.ascontiguousarray(rows).view("<u4")[:, 0]
    largest = words >> (32 - LARGEST_BITS)
    most = 2**COMPONENT_BITS - 1
    xyzw = np.zeros((len(words), 4))
    for axis in (3, 2, 1, 0):
        size = (words & most) * (MOST_COMPONENT / most)
        component = np.where(words >> COMPONENT_BITS & 1, -size, size)
        xyzw[:, axis] = np.where(largest == axis, 0, component)
        words = np.where(largest == axis, words, words >> (COMPONENT_BITS + 1))
    rest = np.sqrt(np.maximum(1 - (xyzw**2).sum(1), 0))
    np.put_along_axis(xyzw, largest[:, None].astype(np.int64), rest[:, None], 1)
    return normalized(np.roll(xyzw, 1, 1)).astype(np.float32)


def _unpack_first_three(rows: np.ndarray) -> np.ndarray:
    """Quaternions wxyz [n, 4], w at least 0, from version 2's x, y, z."""
    xyz = rows / FIRST_THREE_HALF - 1
    w = np.sqrt(np.maximum(1 - (xyz**2).sum(1), 0))
    return normalized(np.column_stack([w, xyz])).astype(np.float32)
