"""What gsplat drew on an H100 (benchmarks/gpu_check.py), kept as data: our own rasteriser gives the same pictures and gradients."""

import json
from pathlib import Path

import numpy as np
import pytest
from gpu.raster import SAVED, compare, draw, excesses
from gpu.scenes import CASES, expected
from places import DATA

STORED = np.load(DATA / "raster_cuda.npz")
FOUND = json.loads((DATA / "gpu_h100.json").read_text())
CLOSE = 2e-5
"""Both are float32 and sum in different orders; each is within 5e-6 of float64."""


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.name in SAVED], ids=lambda case: case.name)
def test_our_rasteriser_draws_what_the_card_drew(case) -> None:  # type: ignore[no-untyped-def]
    card = {name.removeprefix(f"{case.name}/"): STORED[name] for name in STORED if name.startswith(f"{case.name}/")}
    scene = {name: array for name, array in card.items() if name not in ("image", "alpha") and name[:2] != "d_"}
    wanted = {name: array for name, array in card.items() if name not in scene}
    sure = expected(case, scene)["sure"]
    row = compare(draw(case, scene, sure, "cpu", packed=False), wanted | {"sure": sure})
    assert not excesses(row)
    assert max(value for name, value in row.items() if name not in ("unsure", "image_mean")) < CLOSE


def test_the_kept_check_passed_whole() -> None:
    assert FOUND["passed"] and not FOUND["rehearsal"]
    assert {section["state"] for section in FOUND["sections"].values()} == {"passed"}


def test_the_tables_in_the_documents_are_the_kept_numbers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
    step, draft = (FOUND["sections"][name]["found"] for name in ("step", "draft"))
    for number in (step["100000 splats"]["step_ms"], draft["training_seconds"]):
        assert f"{number:.1f}" in page
    assert f"{draft['front_psnr_db']:.2f}" in page
