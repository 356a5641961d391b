"""The whole prior on 24 views: what comes out, what is carried where, what a stop, a batch and an ablation change."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from analytic_views import SIZE, orbit
from sdxl_cases import options, without_noise

from facecraft4d.toolkit import image_prior
from facecraft4d.toolkit.config import ImagePriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.image_prior.sdxl import sharpen as stage
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks
from facecraft4d.toolkit.image_prior.sdxl.waves import waves

VIEWS = orbit(gain_at_zero=0.9)
FEW = ViewSet(
    tuple(VIEWS.views[view] for view in (0, 1, 2, 3, 12, 21, 22, 23)),
    (0.0, 15.0, 30.0, 45.0, 180.0, 315.0, 330.0, 345.0),
)


class Killed(Exception):
    """The process ends here."""


def run(
    folder: Path, config: ImagePriorConfig, hear: Callable[[Progress], None] = lambda _: None, views: ViewSet = VIEWS
) -> ViewSet:
    folder.mkdir(exist_ok=True)
    return image_prior.run(views, config, StageContext(0, "cpu", folder, hear))


def pictures(views: ViewSet) -> np.ndarray:
    return np.stack([view.image for view in views.views])


def changed(monkeypatch: pytest.MonkeyPatch, change: Callable[[Networks], Networks]) -> None:
    """Let the prior load its networks changed."""
    load = stage.load_networks
    monkeypatch.setattr(stage, "load_networks", lambda *given: change(load(*given)))


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ViewSet, list[Progress], Path]:
    """A run that nobody stopped."""
    said: list[Progress] = []
    folder = tmp_path_factory.mktemp("whole")
    return run(folder, options(tiny), said.append), said, folder


@pytest.mark.slow
def test_only_the_pictures_change_and_the_photograph_stays(whole: tuple[ViewSet, list[Progress], Path]) -> None:
    found, said, _ = whole
    assert np.array_equal(found.views[0].image, VIEWS.views[0].image)
    for before, after in zip(VIEWS.views[1:], found.views[1:], strict=True):
        assert after.mask is before.mask and after.depth is before.depth and after.camera is before.camera
        np.testing.assert_array_equal(after.image[before.mask == 0], 1)
        assert np.abs(after.image - before.image).mean() > 1e-3 and after.image.min() >= 0 and after.image.max() <= 1
    assert [each.name for each in found.ingredients] == ["sdxl"]
    steps = [each.step for each in said if not each.notes]
    assert steps == sorted(steps) and said[-1].step == said[-1].total and len(steps) > 40


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_numbers(
    whole: tuple[ViewSet, list[Progress], Path], tiny: Path, tmp_path: Path
) -> None:
    """Stopped after every batch, and with files that are gone, damaged, of another run, or never written of a batch."""
    found, _, folder = whole

    def kill(said: Progress) -> None:
        if said.message == "finished":
            raise Killed

    for _ in waves(VIEWS):
        with pytest.raises(Killed):
            run(tmp_path / "stopped", options(tiny), kill)
    assert len(list((tmp_path / "stopped").glob("view_*.npz"))) == 23
    assert np.array_equal(pictures(run(tmp_path / "stopped", options(tiny))), pictures(found))
    shutil.copytree(folder, tmp_path / "damaged")
    (tmp_path / "damaged" / "view_07.npz").unlink()
    (tmp_path / "damaged" / "view_13.npz").write_bytes(b"PK\3\4 half")
    notes: list[str] = []
    again = run(tmp_path / "damaged", options(tiny), lambda said: notes.extend(said.notes))
    assert np.array_equal(pictures(again), pictures(found)) and any("view_13.npz" in note for note in notes)


@pytest.mark.slow
def test_finished_views_serve_their_own_options_alone(
    whole: tuple[ViewSet, list[Progress], Path], tiny: Path, tmp_path: Path
) -> None:
    found, _, folder = whole
    shutil.copytree(folder, tmp_path / "kept")
    other = run(tmp_path / "kept", options(tiny, prompt="somebody else, {view}"))
    assert not np.allclose(pictures(other)[1:], pictures(found)[1:], atol=1e-3)
    said: list[Progress] = []
    run(tmp_path / "kept", options(tiny, prompt="somebody else, {view}"), said.append)
    assert {each.message for each in said} == {"kept"} and said[-1].step == said[-1].total


@pytest.mark.slow
def test_batch_and_offload_change_nothing(tiny: Path, tmp_path: Path) -> None:
    found = [
        pictures(run(tmp_path / name, options(tiny, **chosen), views=FEW))
        for name, chosen in {"whole": {}, "one": {"batch": 1}, "offloaded": {"offload": True}}.items()
    ]
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)
    np.testing.assert_allclose(found[2], found[0], atol=1e-4)


@pytest.mark.slow
def test_each_control_can_be_left_out(tiny: Path, tmp_path: Path) -> None:
    """The paper's table 4."""
    results = {
        (warp, attention): pictures(
            run(
                tmp_path / f"{warp}{attention}",
                options(tiny, warp=warp, attention=attention, resolution=128),
                views=few,
            )
        )
        for warp in (True, False)
        for attention in (True, False)
    }
    for one, other in combinations(results.values(), 2):
        assert np.abs(one - other)[[1, 2, 7]].mean() > 1e-4
    for attention in (True, False):  # the back has no neighbour before it
        np.testing.assert_array_equal(results[True, attention][4], results[False, attention][4])


@pytest.mark.slow
def test_colours_are_carried_around_from_both_anchors(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a UNet that sees no noise, the photograph's darker colours reach as far as the photograph sees the surface."""
    changed(monkeypatch, lambda networks: without_noise(networks, 2))
    found = run(tmp_path / "a", options(tiny, resolution=SIZE, guidance=1.0))
    centre = np.s_[SIZE // 2 - 8 : SIZE // 2 + 8, SIZE // 2 - 8 : SIZE // 2 + 8]
    ratio = [
        float((after.image[centre] / before.image[centre]).mean())
        for before, after in zip(VIEWS.views, found.views, strict=True)
    ]
    assert all(ratio[view] == pytest.approx(0.9, abs=0.012) for view in (1, 2, 22, 23)), "seen from the front"
    assert all(0.92 < ratio[view] < 0.98 for view in (3, 21)), "in part"
    assert all(ratio[view] == pytest.approx(1, abs=0.022) for view in range(4, 21)), "not seen from there"
    np.testing.assert_allclose(ratio[1:12], ratio[:12:-1], atol=0.02)
    bare = run(tmp_path / "b", options(tiny, resolution=SIZE, guidance=1.0, warp=False))
    assert np.abs(pictures(bare) - pictures(VIEWS)).mean() < 0.01


@pytest.mark.slow
def test_little_memory_is_said_once_and_never_leaves_half_a_set(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def small(most: int) -> Callable[[Networks], Networks]:
        def shrink(networks: Networks) -> Networks:
            forward = networks.unet.forward

            def full(latents: torch.Tensor, *given: Any, **named: Any) -> Any:
                asked.append(len(latents))
                if len(latents) > most:
                    raise torch.OutOfMemoryError("out of memory")
                return forward(latents, *given, **named)

            networks.unet.forward = full
            return networks

        return shrink

    with monkeypatch.context() as patched:
        changed(patched, small(4))
        notes: list[str] = []
        found = run(tmp_path / "a", options(tiny), lambda said: notes.extend(said.notes), FEW)
    assert notes == ["the device's memory does not do for 2 views at once; going on with 1"]
    np.testing.assert_allclose(pictures(found), pictures(run(tmp_path / "b", options(tiny), views=FEW)), atol=1e-4)
    changed(monkeypatch, small(3))
    with pytest.raises(UserError, match=r"one view of 64 pixels .*--image-prior\.sdxl\.offload"):
        run(tmp_path / "c", options(tiny), views=FEW)
    assert not list((tmp_path / "c").glob("view_*"))


@pytest.mark.slow
def test_another_unet_gives_other_pictures_and_is_named(
    whole: tuple[ViewSet, list[Progress], Path], tiny: Path, other_unet: Path, tmp_path: Path
) -> None:
    found = run(tmp_path / "a", options(tiny, unet=other_unet))
    assert [each.name for each in found.ingredients] == ["sdxl", "cosmicman"]
    assert np.abs(pictures(found) - pictures(whole[0]))[1:].mean() > 1e-3


@pytest.mark.slow
def test_a_prior_before_is_still_named_and_few_views_do(tiny: Path, tmp_path: Path) -> None:
    from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient

    before = Ingredient("imaginer", "shape prior", "CC0-1.0", Commercial.YES, "here")
    few = replace(VIEWS, views=VIEWS.views[:3], yaws_degrees=VIEWS.yaws_degrees[:3], ingredients=(before,))
    found = run(tmp_path / "a", options(tiny), views=few)
    assert [each.name for each in found.ingredients] == ["imaginer", "sdxl"] and len(found.views) == 3
