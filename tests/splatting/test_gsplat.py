"""Projection and harmonics against gsplat 1.5.3's own torch functions: stored vectors, and live where it is installed."""

from typing import Any

import numpy as np
import pytest
import torch
from places import DATA
from splat_scenes import camera, splats

from facecraft4d.toolkit.splatting import harmonics, projection, reference
from facecraft4d.toolkit.splatting.settings import Settings

GOLDEN = np.load(DATA / "gsplat_projection_sh.npz")
FIXED_EXTENT = Settings(128, 128, alpha_cutoff=1e-30)
"""gsplat's torch functions use the largest extent for every splat and no opacity cull."""


def compiled(arrays: Any, view: Any, intrinsics: Any, s: Settings) -> tuple[Any, ...]:
    """means2d, conics, depths, opacities, radii of the compiled projection."""
    n, dtype = len(arrays[0]), arrays[0].dtype
    outputs = (*(np.empty((n, *tail), dtype) for tail in ((2,), (3,), (), ())), np.empty((n, 2), np.int32))
    projection.project(arrays, view.astype(np.float64), intrinsics.astype(np.float64), s, outputs)
    return outputs


def close(found: Any, expected: Any) -> bool:
    """To 1e-4 of the larger of the value and one."""
    return bool((np.abs(found - expected) <= 1e-4 * np.maximum(1, np.abs(expected))).all())


@pytest.mark.parametrize("view", range(3))
def test_projection_equals_the_stored_one(view: int) -> None:
    arrays = tuple(GOLDEN[name] for name in ("means", "quats", "scales", "opacities"))
    s = FIXED_EXTENT._replace(antialiased=True)
    means2d, conics, depths, opacities, radii = compiled(arrays, GOLDEN["viewmats"][view], GOLDEN["Ks"][view], s)
    seen = GOLDEN["visible"][view]
    assert ((radii > 0).all(1) == seen).all()
    assert np.abs(radii - GOLDEN["radii"][view]).max() <= 1
    for found, name in ((means2d, "means2d"), (conics, "conics"), (depths, "depths")):
        assert close(found[seen], GOLDEN[name][view][seen]), name
    assert close(opacities[seen], (arrays[3] * GOLDEN["compensations"][view])[seen])


@pytest.mark.parametrize("degree", range(4))
def test_harmonics_equal_the_stored_ones(degree: int) -> None:
    means, coefficients = GOLDEN["means"], GOLDEN["sh"]
    for view in range(3):
        expected = np.maximum(GOLDEN[f"sh_value_degree{degree}"][view] + 0.5, 0)
        eye = np.linalg.inv(GOLDEN["viewmats"][view].astype(np.float64))[:3, 3]
        colors = np.empty((len(means), 3), np.float32)
        harmonics.shade(np.arange(len(means)), means, coefficients, eye, degree, colors)
        towards = torch.from_numpy(GOLDEN["sh_dirs_unnormalised"][view])
        by_twin = reference.evaluate_sh(towards, torch.from_numpy(coefficients), degree)
        assert np.abs(colors - expected).max() < 1e-5 and np.abs(by_twin.numpy() - expected).max() < 1e-5


def test_covariance_equals_the_stored_one() -> None:
    rotations = reference.rotations(torch.from_numpy(GOLDEN["quats"]))
    half = rotations * torch.from_numpy(GOLDEN["scales"])[:, None]
    assert close((half @ half.mT).numpy(), GOLDEN["covars"])


@pytest.mark.parametrize("model", ["pinhole", "ortho"])
def test_projection_and_its_twin_equal_gsplat_live(model: str) -> None:
    torch_impl = pytest.importorskip("gsplat.cuda._torch_impl")
    scene = splats(200, 20)
    scene["means"] = scene["means"] * torch.tensor([3.0, 3.0, 1.0])
    viewmats, Ks = camera(128, 128, 40.0 if model == "ortho" else 110.0)
    viewmats[0, :3, :3] = reference.rotations(torch.tensor([[1.0, 0.1, -0.1, 0.3]], dtype=torch.float64))[0]
    covars, _ = torch_impl._quat_scale_to_covar_preci(scene["quats"], scene["scales"], compute_preci=False)
    radii, means2d, depths, conics, _ = (
        None if t is None else t[0].numpy()
        for t in torch_impl._fully_fused_projection(scene["means"], covars, viewmats, Ks, 128, 128, camera_model=model)
    )
    s = FIXED_EXTENT._replace(ortho=model == "ortho")
    geometry = [scene[name] for name in ("means", "quats", "scales", "opacities")]
    ours = compiled(tuple(t.numpy() for t in geometry), viewmats[0].numpy(), Ks[0].numpy(), s)
    by_twin = tuple(t.numpy() for t in reference.project(*geometry, viewmats[0], Ks[0], s))
    seen = (radii > 0).all(1)
    assert seen.sum() > 20
    for found in (ours, by_twin):
        assert ((found[4] > 0).all(1) == seen).all() and (np.abs(found[4] - radii) <= 1)[seen].all()
        for index, expected in ((0, means2d), (1, conics), (2, depths)):
            assert np.allclose(found[index][seen], expected[seen], rtol=1e-9)
