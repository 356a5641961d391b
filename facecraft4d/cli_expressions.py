"""Expressions on the command line: NAME=VALUE."""

from facecraft4d.cli_common import check_option, complain
from facecraft4d.toolkit.core.checks import UserError

WEIGHTS = (-10.0, 10.0)
"""Weights of an expression that make sense even in jest."""
SANE = (0.0, 1.0)
"""Weights beyond which faces tear."""


def expression_weights(settings: tuple[str, ...], unclamped: bool = False) -> dict[str, float]:
    """Weights given as NAME=VALUE, within 0 and 1 unless `unclamped`: what is cut is said. UserError for anything else."""
    weights = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            weights[name] = float(text)
        except ValueError:
            wanted = "expected NAME=VALUE with a number, for instance jawOpen=0.8"
            raise UserError(f"--expression {setting}: {wanted}") from None
        check_option(f"expression {name}", weights[name], *WEIGHTS)
        cut = min(max(weights[name], SANE[0]), SANE[1])
        if not unclamped and cut != weights[name]:
            complain(f"note: {name}={weights[name]:g} tears the face; taken as {cut:g} (--unclamped draws it as it is)")
            weights[name] = cut
    return weights
