"""The keeper of levels: it settles, keeps the time where levels can, and does not waste detail."""

import numpy as np
import pytest

from facecraft4d.runtime.levels import GAIN, PATIENCE, ROOM, LevelKeeper

COUNTS = (48000, 24000, 12000, 6000)
NEAR, FRAMES = 900.0, 3000
"""Pixels: so near that every splat could be seen."""


def run(keeper: LevelKeeper, costs: list[float], height: float, frames: int = FRAMES, seed: int = 0) -> list[int]:
    """Levels over time where level i takes costs[i], with the noise of a busy machine."""
    rng, levels = np.random.default_rng(seed), []
    for _ in range(frames):
        noise = rng.uniform(0.95, 1.05) * (3.0 if rng.random() < 0.01 else 1.0)
        levels.append(keeper.frame(costs[keeper.level] * noise, height))
    return levels


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_it_settles_where_the_time_is_kept(seed: int) -> None:
    """For any costs that fall with the splats: few changes, none at last; in time, or at the coarsest; and no finer level had room."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.3, 1.0)
    costs = [share * count / COUNTS[0] + (1 - share) * rng.uniform(0.1, 0.2) for count in COUNTS]
    budget = float(rng.uniform(0.05, 1.5))
    levels = run(LevelKeeper(COUNTS, budget), costs, NEAR, seed=seed)
    changes = np.flatnonzero(np.diff([0, *levels]))
    assert len(changes) <= 2 * len(COUNTS) and (changes < FRAMES // 2).all()
    last = levels[-1]
    assert costs[last] < 1.12 * budget or last == len(COUNTS) - 1
    assert last == 0 or costs[last - 1] > 0.85 * ROOM * budget


def test_where_levels_save_nothing_the_whole_is_drawn() -> None:
    """Near the camera: it tries once, sees that nothing is gained, and goes back for good."""
    levels = run(LevelKeeper(COUNTS, 0.5), [1.0, 0.99, 0.98, 0.97], NEAR)
    assert 1 / 0.99 < GAIN and max(levels) == 1 and set(levels[4 * PATIENCE :]) == {0}


@pytest.mark.slow
def test_what_the_first_level_saves_is_kept_where_the_next_saves_nothing() -> None:
    levels = run(LevelKeeper(COUNTS, 0.5), [1.0, 0.7, 0.69, 0.68], NEAR)
    assert max(levels) == 2 and set(levels[10 * PATIENCE :]) == {1}


def test_far_away_no_more_is_drawn_than_shows() -> None:
    """Without any hurry; and back to the whole when it comes near."""
    keeper = LevelKeeper(COUNTS, 1.0)
    assert run(keeper, [0.1, 0.05, 0.03, 0.02], 60.0, 200)[-1] == 3
    assert run(keeper, [0.1, 0.05, 0.03, 0.02], NEAR, 200)[-1] == 0


def test_a_head_that_sways_at_the_border_keeps_its_level() -> None:
    keeper, border = LevelKeeper(COUNTS, 1.0), np.sqrt(COUNTS[1] / 0.5)
    levels = [keeper.frame(0.1, border * (1 + 0.05 * np.sin(0.1 * frame))) for frame in range(2000)]
    assert (np.diff(levels[100:]) == 0).all()


def test_one_level_is_all_there_is() -> None:
    assert set(run(LevelKeeper((1000,), 0.01), [1.0], 50.0, 100)) == {0}
    with pytest.raises(ValueError, match="must shrink"):
        LevelKeeper((100, 100), 0.01)
