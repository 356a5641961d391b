"""How far the CPU rasteriser's compositing stands from its floor: pairs times operations at the processor's own speed.

    python benchmarks/bench_floor.py [--splats 50000] [--size 512] [--repeats 20]

Work is counted in rows: one row of sixteen pixels of one splat in one tile is one pass of the inner loop. Operations of a row are counted
in the source of splatting/kernels.py and simd.exp (a fused multiply-add counts as two). The processor's speed is measured by a loop of
independent fused multiply-adds on the same sixteen lanes. The floor leaves out memory, sorting and all that is not arithmetic.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from bench_rasterizer import camera, head
from machine import described

from facecraft4d.toolkit.splatting import binning, kernels, projection, simd
from facecraft4d.toolkit.splatting.settings import Settings

CHAINS = 8
"""Independent chains of multiply-adds: enough to hide the latency of one."""
EXP = 3 + 2 + 10 + 2
"""simd.exp in float32: scale and round, remainder, polynomial of degree 5, exponent."""
FORWARD = EXP + 5 + 6 + 3 + 4
"""Without colours: exponent, opacity and thresholds, weight and what passes, end of pixels."""
BACKWARD = EXP + 5 + 8 + 14 + 10
"""Without colours: exponent, opacity and thresholds, transmittance and gradient of the exponent, moments."""
FORWARD_CHANNEL, BACKWARD_CHANNEL = 2, 4


@numba.njit(parallel=True, cache=True)
def multiply_adds(rounds: int, threads: int) -> float:
    """threads x rounds x CHAINS fused multiply-adds of sixteen lanes."""
    sums = np.zeros(threads, np.float32)
    factors = np.repeat(np.array([0.999, 1e-3], np.float32), simd.LANES)
    for thread in numba.prange(threads):
        a, b = simd.load(factors, 0), simd.load(factors, simd.LANES)
        v0, v1, v2, v3, v4, v5, v6, v7 = a, b, a, b, a, b, a, b
        for _ in range(rounds):
            v0, v1, v2, v3 = simd.fma(v0, a, b), simd.fma(v1, a, b), simd.fma(v2, a, b), simd.fma(v3, a, b)
            v4, v5, v6, v7 = simd.fma(v4, a, b), simd.fma(v5, a, b), simd.fma(v6, a, b), simd.fma(v7, a, b)
        sums[thread] = simd.total(v0 + v1 + v2 + v3 + v4 + v5 + v6 + v7)
    return sums.sum()


class Work(NamedTuple):
    """One picture, ready to be composited."""

    bins: binning.Bins
    colors: np.ndarray
    settings: Settings


def prepared(count: int, size: int) -> Work:
    """The benchmark's head, projected and sorted."""
    scene = {name: tensor.detach().numpy() for name, tensor in head(count).items()}
    viewmats, intrinsics, _ = camera(size)
    s = Settings(size, size)
    inputs = tuple(scene[name] for name in ("means", "quats", "scales", "opacities"))
    means2d, conics, depths, opacities = (np.empty((count, *tail), np.float32) for tail in ((2,), (3,), (), ()))
    radii = np.empty((count, 2), np.int32)
    projection.project(
        inputs,
        viewmats[0].double().numpy(),
        intrinsics[0].double().numpy(),
        s,
        (means2d, conics, depths, opacities, radii),
    )
    bins = binning.bin_splats(means2d, conics, depths, opacities, radii, s, numba.get_num_threads())
    return Work(bins, scene["colors"], s)


def rows_drawn(bins: binning.Bins, used: np.ndarray) -> int:
    """Rows of all pairs that the tiles looked at before all their pixels were finished."""
    tile = np.repeat(np.arange(len(used)), np.diff(bins.first_pair))
    seen = np.arange(len(bins.pairs)) - bins.first_pair[tile] < used[tile]
    rows = bins.pairs[:, binning.ROW_END] - bins.pairs[:, binning.ROW_BEGIN]
    return int(rows[seen].sum())


def least(run: Callable[[], Any], repeats: int) -> float:
    """Least seconds after two runs that do not count."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[2:])


def main() -> None:
    """Print the machine's speed, the work, the floor and the distance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splats", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    threads, rounds = numba.get_num_threads(), 200_000
    torch.set_num_threads(threads)
    speed = 2 * simd.LANES * CHAINS * rounds * threads / least(lambda: multiply_adds(rounds, threads), options.repeats)
    work, black, zeros = prepared(options.splats, options.size), np.zeros(3, np.float32), (0, 0, 0)
    picture = np.empty((options.size, options.size, 4), np.float32)
    given = (np.ones((*picture.shape[:2], 3), np.float32), np.ones(picture.shape[:2], np.float32))

    def forward() -> kernels.Traces:
        return kernels.blend(work.bins, work.colors, black, zeros, work.settings, picture)

    traces = forward()
    rows = rows_drawn(work.bins, traces.used)
    passes = {
        "forward": (forward, FORWARD + 3 * FORWARD_CHANNEL),
        "backward": (
            lambda: kernels.blend_backward(work.bins, work.colors, black, zeros, work.settings, traces, given, False),
            BACKWARD + 3 * BACKWARD_CHANNEL,
        ),
    }
    print(f"{described()}, {threads} threads: {speed / 1e9:.0f} GFlop/s of multiply-adds")
    print(
        f"{options.splats} splats, {options.size} px: {len(work.bins.pairs)} pairs, {rows} rows of {simd.LANES} pixels"
    )
    for name, (run, operations) in passes.items():
        floor, taken = rows * simd.LANES * operations / speed, least(run, options.repeats)
        print(
            f"{name:8} {operations} operations a pixel: floor {1e3 * floor:.2f} ms, taken {1e3 * taken:.2f} ms, {taken / floor:.1f} times"
        )


if __name__ == "__main__":
    main()
