"""What a reader of a file of splats gives back."""

from collections.abc import Callable
from dataclasses import dataclass

from facecraft4d.exporters.order import SplatOrder, order_in
from facecraft4d.toolkit.core.checks import check_all
from facecraft4d.toolkit.core.datatypes import Splats

MOST_METRES, MOST_SIGMA, MOST_COLOR = 1e6, 1e6, 1e4
"""Of a scene from elsewhere, whose unit nobody knows: far beyond any, and finite once it is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class SplatFile:
    """The splats of a file in the file's own frame and order, and what it says of them."""

    splats: Splats
    notes: tuple[str, ...]
    """Texts as they stand in the file, of whoever wrote it."""
    sh_degree: int
    """Of the colours in the file; what is above 0, which changes with the direction, is not in `splats`."""

    @property
    def order(self) -> SplatOrder | None:
        """The stamp of order that the file carries, if it does, and if it has as many splats as the stamp says."""
        stamp = order_in(self.notes)
        return stamp if stamp and stamp.count == len(self.splats.means) else None


SplatReader = Callable[[bytes, str], SplatFile]
"""The splats in a file's bytes, whose name stands in the messages. UserError for any other file."""


def check_splats(splats: Splats) -> None:
    """ValueError that names the first array with a number beyond all sense."""
    check_all("positions", splats.means, -MOST_METRES, MOST_METRES)
    check_all("standard deviations", splats.scales, 0.0, MOST_SIGMA)
    check_all("opacities", splats.opacities, 0.0, 1.0)
    check_all("colours", splats.colors, -MOST_COLOR, MOST_COLOR)
    check_all("rotations", splats.rotations_wxyz, -1.0001, 1.0001)
