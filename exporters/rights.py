"""What a file says of its origin and of what may be done with it: one wording for every format that has a place for it."""

from dataclasses import dataclass

from facecraft4d.exporters.options import ExportOptions
from facecraft4d.toolkit.core.asset import Provenance


@dataclass(frozen=True, slots=True)
class Rights:
    """Dublin Core's elements of an avatar (https://www.dublincore.org/specifications/dublin-core/dces/)."""

    title: str
    creator: str
    source: tuple[str, ...]
    """What went in, by name and role."""
    license: str
    """Every licence that is in it; SPDX identifiers where there are any, joined by AND."""
    rights: str
    """Whether it may be used commercially, and why."""


def rights_of(provenance: Provenance, options: ExportOptions) -> Rights:
    """The elements for an avatar of that provenance."""
    licences = sorted({each.licence for each in provenance.ingredients})
    return Rights(
        title=options.title,
        creator=options.creator,
        source=tuple(f"{each.name} ({each.role})" for each in provenance.ingredients),
        license=" AND ".join(licences) or "unknown",
        rights=f"commercial use: {provenance.verdict}; {provenance.reason}",
    )
