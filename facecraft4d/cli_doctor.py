"""facecraft4d doctor: what works here."""

from dataclasses import dataclass

from facecraft4d.cli_common import parse, say
from facecraft4d.cli_progress import shown_progress
from facecraft4d.runtime.opengl import who_draws_here
from facecraft4d.toolkit import doctor


@dataclass(frozen=True)
class DoctorCommand:
    """Say what works on this machine, what is missing and what to do. The exit code is 0 unless playing is impossible."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    parse(DoctorCommand, "doctor", arguments)
    with shown_progress() as report:
        findings = doctor.diagnose(report)
    for finding in findings:
        advice = f"  -> {finding.advice}" if finding.advice else ""
        say(f"{finding.name:<15} {finding.state:<8} {finding.detail}{advice}")
    say(f"{'drawing':<15} {doctor.State.WORKS:<8} {who_draws_here()}")
    return 0 if doctor.can_play(findings) else 1
