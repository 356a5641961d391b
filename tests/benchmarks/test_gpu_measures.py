"""What the check for a machine with a GPU compares with, and what it carries there."""

import subprocess
from dataclasses import replace
from pathlib import Path

import gpu_check
import numpy as np
import pytest
import torch
from gpu import carried, kept, measure, raster, scenes
from gpu.results import Found, Missed
from PIL import Image
from training_subject import SIZE

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.splatting import reference

SMALL = scenes.Case("training", 60, 40, 24)
TURNED = scenes.Case("two cameras", 50, 24, 40, channels=3, sh_degree=3, antialiased=True, cameras=2)


# the measure for gsplat


@pytest.mark.parametrize("case", [SMALL, TURNED], ids=lambda case: case.name)
def test_tiles_change_nothing(case: scenes.Case) -> None:
    """The twin by tiles against the twin in one go: picture and gradients, over the same pixels."""
    scene = scenes.inputs(case)
    found = scenes.expected(case, scene)
    leaves = {name: torch.from_numpy(array).double() for name, array in scene.items()}
    for name in scenes.INPUTS:
        leaves[name].requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for index in range(case.cameras):
        view = leaves["viewmats"][index]
        projected = reference.project(*(leaves[n] for n in scenes.INPUTS[:4]), view, leaves["Ks"][index], case.settings)
        colors = leaves["colors"]
        if case.sh_degree is not None:
            colors = reference.evaluate_sh(leaves["means"] - torch.linalg.inv(view)[:3, 3], colors, case.sh_degree)
        image, alpha = reference.composite(*projected, colors, leaves["backgrounds"][index], case.settings)
        assert np.abs(image.detach().numpy() - found["image"][index]).max() < 1e-12
        assert np.abs(alpha.detach().numpy() - found["alpha"][index, ..., 0]).max() < 1e-12
        for drawn, wanted in ((image, found["image"]), (alpha[..., None], found["alpha"])):
            weights = scenes.cotangents(wanted.shape)[index] * found["sure"][index][..., None]
            total = total + (drawn * torch.from_numpy(weights)).sum()
    total.backward()
    for name in scenes.INPUTS:
        assert np.allclose(leaves[name].grad.numpy(), found[f"d_{name}"], rtol=1e-9, atol=1e-15), name


def test_depths_keep_their_order_in_float32() -> None:
    scene = scenes.inputs(scenes.CASES[-1])
    view = scene["viewmats"][0]
    depths = np.sort((scene["means"] @ view[:3, :3].T + view[:3, 3])[:, 2])
    assert np.diff(depths).min() > 1e-6


def test_few_pixels_are_unsure_and_some_are() -> None:
    found = scenes.expected(replace(SMALL, splats=600), scenes.inputs(replace(SMALL, splats=600)))
    assert 0 < 1 - found["sure"].mean() < raster.UNSURE_LIMIT


@pytest.mark.slow
def test_our_rasteriser_is_within_the_limits(tmp_path: Path) -> None:
    scenes.write(tmp_path, (SMALL, TURNED))
    found: Found = {}
    raster.check_raster(tmp_path, tmp_path, "cpu", found, (SMALL, TURNED))
    assert {"training", "training, packed", "two cameras", "two cameras, packed"} <= found.keys()
    assert all(found["training"][name] < 1e-5 for name in found["training"] if name != "unsure")
    with np.load(tmp_path / raster.FILE_NAME) as archive:
        assert archive["training/d_means"].shape == (60, 3) and archive["training/image"].shape == (1, 24, 40, 6)
        assert {name.partition("/")[0] for name in archive} == {"training"}


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [("d_quats", 2e-3, "d_quats"), ("image", 1e-4, "image_mean"), ("d_means", np.nan, "d_means nan")],
)
def test_other_results_fail_by_name(tmp_path: Path, name: str, change: float, told: str) -> None:
    scenes.write(tmp_path, (SMALL,))
    scene, wanted = scenes.read(tmp_path, SMALL)
    wanted[name] = wanted[name] * np.float32(1 + change)
    np.savez(tmp_path / "training.npz", **scene, **{f"expected_{key}": array for key, array in wanted.items()})
    with pytest.raises(Missed, match=told):
        raster.check_raster(tmp_path, tmp_path, "cpu", {}, (SMALL,))


def test_tf32_is_off_while_comparing_and_as_before_afterwards() -> None:
    before = torch.backends.cudnn.allow_tf32
    with measure.exact_products():
        assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before


# what travels


def test_stages_travel_without_loss(tiny: kept.Kept, tmp_path: Path) -> None:
    kept.pack(tiny, tmp_path / "packed")
    found = kept.unpack(tmp_path / "packed", tmp_path / "unpacked")
    for one, other in zip(tiny.views.views, found.views.views, strict=True):
        for name in ("image", "mask"):
            as_bytes = [np.uint8(getattr(view, name) * 255 + 0.5) for view in (one, other)]
            assert np.array_equal(*as_bytes)
        assert np.abs(one.depth - other.depth).max() <= 0.5 / kept.DEPTH_STEPS
        assert one.camera.fx == other.camera.fx and np.array_equal(
            one.camera.camera_from_world, other.camera.camera_from_world
        )
    for view in tiny.frames.view_indices:
        for frame in range(len(tiny.frames.track.expressions)):
            pictures = [np.asarray(Image.open(each.frames.path(view, frame))) for each in (tiny, found)]
            assert np.array_equal(*pictures)
    assert np.array_equal(found.head.rig.expression_deltas, tiny.head.rig.expression_deltas)
    assert found.cpu_psnr_db == tiny.cpu_psnr_db and np.array_equal(found.front.image, tiny.front.image)


def test_enlarged_frames_have_cameras_of_their_size(tiny: kept.Kept, tmp_path: Path) -> None:
    found = kept.enlarged(tiny, 2 * SIZE, tmp_path / "large")
    with Image.open(found.frames.path(0, 1)) as picture:
        assert picture.size == (2 * SIZE, 2 * SIZE) and picture.mode == "RGBA"
    assert found.frames.cameras[0].fx == 2 * tiny.frames.cameras[0].fx


def test_a_folder_that_is_too_large_is_refused(tmp_path: Path) -> None:
    for name, size in (("stages", 3000), ("scenes", 100)):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").write_bytes(bytes(size << 10))
    assert carried.checked_size(tmp_path, 3100 << 10) == 3100 << 10
    with pytest.raises(UserError, match=r"at most 3099 KiB, found 3100 KiB \(stages 3000 KiB, scenes 100 KiB\)"):
        carried.checked_size(tmp_path, 3099 << 10)


def test_what_travels_beside_the_folder_is_counted(tmp_path: Path) -> None:
    """What git knows or would take up, and the two folders that it ignores; links and what else it ignores stay."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name, size in (
        ("kept.py", 10),
        ("deep/new.py", 200),
        (".whl/one.whl", 3000),
        (".gl/a.deb", 40_000),
        ("build/x", 1),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / ".gitignore").write_bytes(b".whl\n.gl\nbuild\n")
    assert carried.size_beside(tmp_path) == 10 + 200 + 3000 + 40_000 + 15
    assert carried.LARGEST == 64 << 20 and carried.size_beside(carried.ROOT) < 20 << 20


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "mine").write_text("precious")
    assert gpu_check.main(["--prepare", str(tmp_path)]) == gpu_check.MISTAKE
    assert (tmp_path / "stages" / "mine").read_text() == "precious"


# networks of the priors


def test_a_distance_beyond_its_limit_is_named_and_few_may_miss() -> None:
    found: Found = {}
    wanted = {"a_raw": torch.zeros(2, 50), "b_mask": torch.zeros(100)}
    shown = {"a_raw": torch.full((100,), 0.9e-3), "b_mask": torch.zeros(100)}
    shown["b_mask"][7] = 1.0
    limits = {"raw": 1e-3, "mask": 1e-4}
    measure.compare(shown, wanted, limits, 0.01, found)
    assert found["b_mask"] == {"off": 1.0, "limit": 1e-4, "missed": pytest.approx(0.01)}
    for other in (shown | {"a_raw": torch.full((100,), 1.1e-3)}, shown | {"a_raw": torch.full((100,), torch.nan)}):
        with pytest.raises(Missed, match="a_raw is off by"):
            measure.compare(other, wanted, limits, 0.01, {})
    with pytest.raises(Missed, match="b_mask"):
        measure.compare(shown, wanted, limits, 0.001, {})
