"""Expressions on the command line: NAME=VALUE."""

from facecraft4d.cli_common import check_option
from facecraft4d.toolkit.core.checks import UserError

WEIGHTS = (-10.0, 10.0)
"""Weights of an expression that make sense even in jest."""


def expression_weights(settings: tuple[str, ...]) -> dict[str, float]:
    """Weights given as NAME=VALUE; UserError for anything else."""
    weights = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            weights[name] = float(text)
        except ValueError:
            wanted = "expected NAME=VALUE with a number, for instance jawOpen=0.8"
            raise UserError(f"--expression {setting}: {wanted}") from None
        check_option(f"expression {name}", weights[name], *WEIGHTS)
    return weights
