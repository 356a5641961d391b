"""The order in which views are sharpened: what lies behind the head first, then outwards from both anchors, neighbour by neighbour."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.geometry import yaw_distances
from facecraft4d.toolkit.image_prior.warp.propagate import origin_indices


@dataclass(frozen=True, slots=True)
class Turn:
    """A view and the finished neighbours that are warped to it."""

    view: int
    sources: tuple[int, ...]


def waves(views: ViewSet) -> tuple[tuple[Turn, ...], ...]:
    """All views but the photograph (view 0) in waves. A wave needs what stands before it, and nothing of itself.

    The first is the view behind the head, if there is one, without sources. The sources of any other are those neighbours on the orbit
    that are nearer to an anchor than it is, in degrees: one, or two where it lies between the anchors.
    """
    ring = np.argsort(np.array(views.yaws_degrees) % 360, kind="stable").tolist()
    anchors = origin_indices(views)
    away = np.min([yaw_distances(views.yaws_degrees, views.yaws_degrees[anchor]) for anchor in anchors], axis=0)
    depths, turns = dict.fromkeys(anchors, 0), [Turn(view, ()) for view in anchors if view != 0]
    for view in sorted(set(ring) - set(anchors), key=lambda view: (away[view], view)):
        place = ring.index(view)
        beside = dict.fromkeys((ring[place - 1], ring[(place + 1) % len(ring)]))
        sources = tuple(each for each in beside if away[each] < away[view])
        depths[view] = 1 + max(depths[each] for each in sources)
        turns.append(Turn(view, sources))
    turns.sort(key=lambda turn: (depths[turn.view], ring.index(turn.view)))
    return tuple(tuple(wave) for _, wave in groupby(turns, key=lambda turn: depths[turn.view]))
