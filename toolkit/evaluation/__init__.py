"""How good an avatar is: fidelity and identity of the front, coverage all round, locality of the expressions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Head, Portrait, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.evaluation import alarms, coverage, expressions, front, identity, unsure
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.metrics import METRICS, absence_notes, measurable, networks
from facecraft4d.toolkit.needs import Needs


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What was measured; `metrics.METRICS` says how."""

    metrics: Mapping[str, float]
    """By name; a metric that could not be measured is absent and `notes` says why."""
    expression_moves: Mapping[str, float]
    """Mean change of the pixels in each expression's own region at weight 1, in 1/255."""
    expression_leaks: Mapping[str, float]
    """Mean change of the head's pixels outside that region, in 1/255."""
    notes: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    """What rings, and where."""
    unsure: str = ""
    """Where the head rests on priors."""


def needs(absent: Collection[str] = ()) -> Needs:
    """The networks that measure, but for those that are known to be absent; nothing of them enters an avatar."""
    return Needs(measuring=tuple(name for name in networks(METRICS) if name not in absent))


def run(
    avatar: Avatar,
    portrait: Portrait,
    head: Head,
    coarse: ViewSet,
    absent: Collection[str],
    context: StageContext,
) -> Evaluation:
    """Measure an avatar against its photograph and the silhouettes of the shape prior's views, without what needs the `absent` weights."""
    report, parts, wanted = context.report, 4, measurable(METRICS, absent)
    report(Progress("evaluation", 0, parts, "front view"))
    metrics = dict(front.measure(avatar, portrait, head, coarse, wanted))
    report(Progress("evaluation", 1, parts, "identity"))
    scores, notes = identity.measure(avatar, portrait, head, coarse, wanted)
    report(Progress("evaluation", 2, parts, "silhouettes"))
    renders = [draw(avatar, head.pose, view.camera) for view in coarse.views]
    metrics |= scores | coverage.measure(renders, coarse)
    of_avatar, of_coarse = alarms.measure(renders, head, coarse)
    metrics |= {f"alarm_{name}": value for name, (value, _) in of_avatar.items()}
    metrics |= {f"alarm_{name}_coarse": value for name, (value, _) in of_coarse.items()}
    rested = unsure.measure(portrait, head, coarse)
    metrics |= rested
    report(Progress("evaluation", 3, parts, "expressions"))
    moves, leaks, still = expressions.measure(avatar, coarse)
    metrics["expression_leak_max"] = max(leaks.values(), default=0.0)
    metrics["expression_still_max"] = max(still.values(), default=0.0)
    lacking = expressions.unmoved(avatar.rig)
    metrics["expression_move_min"] = min((moved for name, moved in moves.items() if name not in lacking), default=0.0)
    rounded = {name: round(metrics[name], 5) for name in METRICS if name in metrics}
    rung = alarms.ringing(of_avatar, "avatar") + alarms.ringing(of_coarse, "coarse head")
    said = notes + absence_notes(METRICS, absent) + lacking_notes(lacking)
    return Evaluation(rounded, moves, leaks, said, rung, unsure.told(rested))


def lacking_notes(names: Sequence[str]) -> tuple[str, ...]:
    """That expressions are exempt from having to move, if any are."""
    return (f"the head model does not move: {', '.join(names)}; not counted as weakest expression",) if names else ()


def as_json(evaluation: Evaluation, preset: str) -> dict[str, Any]:
    """The content of metrics.json: each metric with value, unit, target of the preset, whether it is met, and how it was measured."""
    rows = {}
    for name, metric in METRICS.items():
        value, target = evaluation.metrics.get(name), metric.target(preset)
        met = None if value is None or target is None else metric.meets(value, target)
        rows[name] = {"value": value, "unit": metric.unit, "target": target, "met": met, "how": metric.how}
    return {
        "preset": preset,
        "metrics": rows,
        "expression_moves": dict(evaluation.expression_moves),
        "expression_leaks": dict(evaluation.expression_leaks),
        "notes": list(evaluation.notes),
        "alarms": list(evaluation.alarms),
        "unsure": evaluation.unsure,
    }
