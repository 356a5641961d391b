"""The order in which views are sharpened: what lies behind the head first, then outwards from both anchors, neighbour by neighbour."""

from dataclasses import dataclass

import numpy as np

from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.image_prior.warp.propagate import origin_indices


@dataclass(frozen=True, slots=True)
class Turn:
    """A view and the finished neighbours that are warped to it."""

    view: int
    sources: tuple[int, ...]


def waves(views: ViewSet) -> tuple[tuple[Turn, ...], ...]:
    """All views but the photograph (view 0) in waves. A wave needs what stands before it, and nothing of itself.

    The first is the view behind the head, if there is one, without sources; of the others each is one step farther around the orbit from
    the nearer anchor. A view as far from both anchors has a source on either side.
    """
    ring = np.argsort(np.array(views.yaws_degrees) % 360, kind="stable").tolist()
    anchors = origin_indices(views)
    count = len(ring)
    places = {view: place for place, view in enumerate(ring)}
    steps = {
        view: min(min(abs(place - places[anchor]), count - abs(place - places[anchor])) for anchor in anchors)
        for view, place in places.items()
    }

    def turn(view: int) -> Turn:
        beside = (ring[places[view] - 1], ring[(places[view] + 1) % count])
        return Turn(view, tuple(dict.fromkeys(each for each in beside if steps[each] < steps[view])))

    behind = tuple(turn(view) for view in anchors if view != 0)
    around = [tuple(turn(view) for view in ring if steps[view] == far) for far in range(1, max(steps.values()) + 1)]
    return tuple(wave for wave in (behind, *around) if wave)
