"""Loss curves as inline SVG."""

import numpy as np
from jaxtyping import Float32, Int32

WIDTH, HEIGHT, LEFT, BOTTOM = 360, 180, 62, 22
POINTS = 300
"""A curve with more points is thinned to about this many means."""


def curves_svg(steps: Int32[np.ndarray, " s"], values: Float32[np.ndarray, " s"]) -> str:
    """One curve over training steps with its range on the axes; a logarithmic axis where all values are positive."""
    known = np.isfinite(values)
    x, y = _thinned(steps[known].astype(np.float64)), _thinned(values[known].astype(np.float64))
    logarithmic = bool((y > 0).all())
    scaled = np.log10(y) if logarithmic else y
    px = LEFT + _unit(x) * (WIDTH - LEFT - 8)
    py = (1 - _unit(scaled)) * (HEIGHT - BOTTOM - 12) + 8
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
    labels = (
        (LEFT - 6, 14, "end", f"{y.max():.3g}"), (LEFT - 6, HEIGHT - BOTTOM, "end", f"{y.min():.3g}"),
        (LEFT, HEIGHT - 6, "start", f"{x.min():.0f}"), (WIDTH - 8, HEIGHT - 6, "end", f"step {x.max():.0f}"),
    )  # fmt: skip
    texts = "".join(f'<text x="{a}" y="{b}" text-anchor="{anchor}">{text}</text>' for a, b, anchor, text in labels)
    axes = f'<path d="M{LEFT} 6V{HEIGHT - BOTTOM}H{WIDTH - 8}" fill="none" stroke="currentColor" opacity="0.35"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="11" fill="currentColor">{axes}'
        f'<polyline points="{line}" fill="none" stroke="#3f7fd0" stroke-width="1.5"/>{texts}</svg>'
    )


def _thinned(values: np.ndarray) -> np.ndarray:
    """Means of equal runs."""
    runs = np.array_split(values, min(POINTS, len(values)))
    return np.array([run.mean() for run in runs])


def _unit(values: np.ndarray) -> np.ndarray:
    span = float(np.ptp(values))
    return np.asarray((values - values.min()) / span if span else np.full_like(values, 0.5))
