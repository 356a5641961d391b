"""Whether what was read as a TrainingState can be one of this training: names, shapes, types, finite numbers, ranges."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from facecraft4d.toolkit.config import LossWeights
from facecraft4d.toolkit.training.gaussians import SPLAT_NAMES
from facecraft4d.toolkit.training.schedule import Schedule
from facecraft4d.toolkit.training.state import TrainingState

LOSSES = frozenset({"total", *(each.name for each in fields(LossWeights))})
"""Names that a loss curve can have."""


@dataclass(frozen=True, slots=True)
class Course:
    """The training that a state is of."""

    schedule: Schedule
    triangles: int
    """Of the rig."""


def check_state(state: TrainingState, course: Course) -> None:
    """ValueError that names the first thing in which `state`, whose fields may be anything, is no state of this training."""
    _whole_number("step", state.step, 0, course.schedule.total)
    _tensor("triangles", state.triangles, (None,), torch.int64, 0, course.triangles - 1)
    rows = len(state.triangles)
    _require(rows > 0, "at least one splat", rows)
    for name in ("gradient_sum", "gradient_count"):
        _tensor(name, getattr(state, name), (rows,), low=0)
    shapes = splat_shapes(rows, course) | network_shapes(course)
    _tensors("parameters", state.parameters, shapes, shapes.keys())
    _check_moments(state, shapes)
    _check_levels(state, course)
    _check_curves(state)


def splat_shapes(rows: int, course: Course) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters that have a row for each splat."""
    encoding = 3 + 6 * course.schedule.config.position_octaves
    return dict(zip(SPLAT_NAMES, ((rows, 3), (rows, 4), (rows, 3), (rows,), (rows, 3), (rows, encoding)), strict=True))


def network_shapes(course: Course) -> dict[str, tuple[int, ...]]:
    """Shapes of the network's parameters (coin.network_parameters)."""
    config = course.schedule.config
    hidden, code, encoding = config.coin_hidden, config.view_embedding, 3 + 6 * config.position_octaves
    return {
        "view_embeddings": (course.schedule.views, code),
        "hidden_from_view": (hidden, code),
        "hidden_from_color": (hidden, 3),
        "hidden_from_gaussian": (hidden, encoding),
        "hidden_bias": (hidden,),
        "offset_from_hidden": (3, hidden),
        "offset_bias": (3,),
    }


def _check_moments(state: TrainingState, shapes: Mapping[str, tuple[int, ...]]) -> None:
    _of_type("first_moments", state.first_moments, dict)
    names = state.first_moments.keys()
    _require(names <= shapes.keys(), "moments of parameters", names - shapes.keys())
    _tensors("first_moments", state.first_moments, shapes, names)
    _tensors("second_moments", state.second_moments, shapes, names, low=0)
    _of_type("updates", state.updates, dict)
    _require(state.updates.keys() <= names, "updates of parameters with moments", state.updates.keys() - names)
    for name, count in state.updates.items():
        _whole_number(f"updates.{name}", count, 1, state.step)


def _check_levels(state: TrainingState, course: Course) -> None:
    """As many larger levels as have begun, each with twice the splats of the next."""
    _of_type("larger", state.larger, list)
    begun = sum(map(course.schedule.begins_level, range(course.schedule.whole, state.step)))
    _require(len(state.larger) == begun, f"{begun} larger levels", len(state.larger))
    rows = []
    for index, level in enumerate(state.larger):
        _of_type(f"larger[{index}]", level, dict)
        _require("triangles" in level, "a level with triangles", level.keys())
        _tensor(f"larger[{index}].triangles", level["triangles"], (None,), torch.int64, 0, course.triangles - 1)
        rows.append(len(level["triangles"]))
        splats = {name: value for name, value in level.items() if name != "triangles"}
        _tensors(f"larger[{index}]", splats, splat_shapes(rows[-1], course), SPLAT_NAMES)
    rows.append(len(state.triangles))
    for more, less in pairwise(rows):
        _require(less == max(more // 2, 1), f"half of {more} splats in the next level", less)


def _check_curves(state: TrainingState) -> None:
    """Curves over rising steps; NaN where a term was not in use."""
    _of_type("curve_steps", state.curve_steps, list)
    before = 0
    for step in state.curve_steps:
        _whole_number("curve_steps", step, before + 1, state.step)
        before = step
    _of_type("curves", state.curves, dict)
    _require(state.curves.keys() <= LOSSES, "curves of losses", state.curves.keys() - LOSSES)
    for name, curve in state.curves.items():
        _of_type(f"curves.{name}", curve, list)
        _require(len(curve) == len(state.curve_steps), f"{len(state.curve_steps)} points of {name}", len(curve))
        for value in curve:
            _require(type(value) is float and not math.isinf(value), f"numbers in the curve {name}", value)


def _tensors(
    where: str, found: Any, shapes: Mapping[str, tuple[int, ...]], names: Any, low: int | float | None = None
) -> None:
    _of_type(where, found, dict)
    _require(found.keys() == set(names), f"{where} named {', '.join(sorted(names))}", list(found))
    for name, value in found.items():
        _tensor(f"{where}.{name}", value, shapes[name], low=low)


def _tensor(
    name: str,
    value: Any,
    shape: tuple[int | None, ...],
    dtype: torch.dtype = torch.float32,
    low: int | float | None = None,
    high: int | float | None = None,
) -> None:
    """A plain tensor; None in `shape` stands for any length. One that is not laid out row by row may claim more than it holds."""
    _of_type(name, value, Tensor)
    _require(value.dtype is dtype, f"{name} of type {dtype}", value.dtype)
    same: Callable[[int | None, int], bool] = lambda wanted, side: wanted in (None, side)  # noqa: E731
    fits = len(shape) == value.dim() and all(map(same, shape, value.shape))
    _require(fits and value.layout is torch.strided and value.is_contiguous(), f"{name} of shape {shape}", value.shape)
    _require(bool(torch.isfinite(value).all()), f"{name} of finite numbers", "others")
    if value.numel():
        _require(low is None or bool(value.min() >= low), f"{name} of at least {low}", "less")
        _require(high is None or bool(value.max() <= high), f"{name} of at most {high}", "more")


def _whole_number(name: str, value: Any, low: int, high: int) -> None:
    _require(type(value) is int and low <= value <= high, f"{name} from {low} to {high}", value)


def _of_type(name: str, value: Any, kind: type) -> None:
    _require(type(value) is kind, f"{name} of type {kind.__name__}", type(value).__name__)


def _require(holds: bool, expected: str, found: Any) -> None:
    if not holds:
        raise ValueError(f"expected {expected}, found {found}")
