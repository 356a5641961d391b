"""Checkpoints: training repeats and goes on bit for bit, and takes up nothing foreign."""

from dataclasses import replace

import numpy as np
import pytest
from training_subject import NO_LPIPS, quiet

from facecraft4d.toolkit import training
from facecraft4d.toolkit.config import LevelsConfig
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.training import loop
from facecraft4d.toolkit.training.checkpoint import FILE_NAME


def arrays_of(trained) -> dict[str, np.ndarray]:
    found = {f"splats.{n}": getattr(trained.splats, n) for n in trained.splats.__slots__}
    found |= {f"coin.{n}": getattr(trained.coin, n) for n in trained.coin.__slots__}
    return found | {f"loss.{n}": c for n, c in trained.losses.items()}


def assert_same(one, other) -> None:
    first, second = arrays_of(one), arrays_of(other)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


class KilledError(Exception):
    pass


@pytest.mark.slow
def test_training_repeats_and_resumes_bit_for_bit(scene, tmp_path):
    """The same seed trains the same head; killed in the static stage, under COIN and in a level, training ends in it too."""
    config = replace(NO_LPIPS, checkpoint_every=4, levels=LevelsConfig(iterations=2))
    whole = training.run(*scene, config, StageContext(7, "cpu", tmp_path / "whole", quiet))
    again = training.run(*scene, config, StageContext(7, "cpu", tmp_path / "again", quiet))
    assert_same(whole, again)
    for _ in range(3):  # in the static stage, under COIN, in a level
        with pytest.raises(KilledError), pytest.MonkeyPatch.context() as patch:
            calls = iter(range(100))
            real = loop.train_step

            def dying(trainer, state, calls=calls, real=real):
                if next(calls) == 5:
                    raise KilledError
                return real(trainer, state)

            patch.setattr(loop, "train_step", dying)
            training.run(*scene, config, StageContext(7, "cpu", tmp_path / "killed", quiet))
    assert_same(whole, training.run(*scene, config, StageContext(7, "cpu", tmp_path / "killed", quiet)))


@pytest.mark.slow
def test_a_foreign_or_damaged_checkpoint_is_not_taken_up(scene, tmp_path):
    """Beside the checkpoint of another seed, or half a file, training begins anew and ends as if nothing had been there."""
    config = replace(NO_LPIPS, static_iterations=3, coin_iterations=2, checkpoint_every=2)
    fresh = training.run(*scene, config, StageContext(1, "cpu", tmp_path / "a", quiet))
    training.run(*scene, config, StageContext(2, "cpu", tmp_path / "b", quiet))
    assert (tmp_path / "b" / FILE_NAME).exists()
    assert_same(fresh, training.run(*scene, config, StageContext(1, "cpu", tmp_path / "b", quiet)))
    (tmp_path / "b" / FILE_NAME).write_bytes(b"half a file")
    assert_same(fresh, training.run(*scene, config, StageContext(1, "cpu", tmp_path / "b", quiet)))
