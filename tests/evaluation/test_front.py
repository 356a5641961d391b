"""The front view against the photograph."""

import numpy as np
import pytest
from evaluation_pictures import SIDE, disc

from facecraft4d.toolkit.evaluation import front


@pytest.mark.slow
def test_front_metrics_of_equal_pictures_and_outside_of_the_mask(rng_image: np.ndarray) -> None:
    """Equal inside of the mask is perfect, whatever lies outside."""
    mask = disc(50)
    elsewhere = np.where(mask[..., None] > 0, rng_image, 1 - rng_image)
    scores = front.compare(elsewhere, rng_image, mask)
    assert scores["front_psnr_db"] > 80 and scores["front_ssim"] > 0.9999 and scores["front_lpips_vgg"] < 1e-4


@pytest.mark.slow
def test_front_psnr_is_that_of_the_pixels_inside(rng_image: np.ndarray) -> None:
    off = (rng_image + 0.1).astype(np.float32)
    assert front.compare(off, rng_image, disc(50))["front_psnr_db"] == pytest.approx(20, abs=0.01)


@pytest.mark.slow
def test_worse_pictures_score_worse(rng_image: np.ndarray) -> None:
    """PSNR, SSIM and LPIPS all rank little noise before much."""
    noise = np.random.default_rng(1).normal(0, 1, rng_image.shape).astype(np.float32)
    scores = [front.compare(np.clip(rng_image + amount * noise, 0, 1), rng_image, disc(60)) for amount in (0.05, 0.3)]
    assert scores[0]["front_psnr_db"] > scores[1]["front_psnr_db"]
    assert scores[0]["front_ssim"] > scores[1]["front_ssim"]
    assert scores[0]["front_lpips_vgg"] < scores[1]["front_lpips_vgg"]


@pytest.fixture
def rng_image() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return np.stack([0.3 + 0.4 * x, 0.3 + 0.4 * y, 0.5 + 0.2 * np.sin(9 * x)], -1).astype(np.float32)
