"""ArcFace's network has the published size, is read strictly in every form that it is given out in, and compares faces by direction."""

from pathlib import Path

import numpy as np
import pytest
import torch
from paper_networks import WIDTH, arcface, picture, written

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.evaluation.paper.alignment import SIDE
from facecraft4d.toolkit.evaluation.paper.arcface import DEPTHS, Architecture, IResNet, embedded, load
from facecraft4d.toolkit.weights.matching import OtherArchitecture

PARAMETERS = {"r18": 24_025_600, "r34": 34_139_328, "r50": 43_590_848, "r100": 65_156_160}
"""Of InsightFace's IResNet."""


@pytest.mark.slow
@pytest.mark.parametrize("depth", PARAMETERS)
def test_the_published_sizes(depth: str) -> None:
    with torch.device("meta"):
        network = IResNet(Architecture(DEPTHS[depth]))
    assert sum(each.numel() for each in network.parameters()) == PARAMETERS[depth]
    state = network.state_dict()
    assert state["fc.weight"].shape == (512, 512 * 7 * 7) and state["layer4.0.downsample.0.weight"].shape == (
        512,
        256,
        1,
        1,
    )
    assert network(torch.zeros(2, 3, SIDE, SIDE, device="meta")).shape == (2, 512)


def face(seed: int) -> np.ndarray:
    return (picture(seed, SIDE) * 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "legacy"), [("backbone.pth", False), ("backbone.pth", True), ("backbone.safetensors", False)]
)
def test_what_is_written_is_read(tmp_path: Path, name: str, legacy: bool) -> None:
    network = arcface()
    found = load(written(tmp_path / name, network, legacy=legacy), WIDTH)
    np.testing.assert_array_equal(embedded(found, face(1)), embedded(network, face(1)))
    assert np.linalg.norm(embedded(found, face(1))) == pytest.approx(1, abs=1e-6)
    assert float(embedded(found, face(1)) @ embedded(found, face(2))) < 0.999


@pytest.mark.slow
def test_its_depth_follows_from_its_names(tmp_path: Path) -> None:
    found = load(written(tmp_path / "backbone.pth", arcface("r34")), WIDTH)
    assert [len(getattr(found, f"layer{group}")) for group in range(1, 5)] == list(DEPTHS["r34"])


@pytest.mark.slow
def test_old_files_have_no_counts(tmp_path: Path) -> None:
    load(written(tmp_path / "backbone.pth", arcface(), without="num_batches_tracked"), WIDTH)


@pytest.mark.slow
def test_other_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(OtherArchitecture, match=r"1 missing \(fc.bias\)") as caught:
        load(written(tmp_path / "backbone.pth", arcface(), without="fc.bias"), WIDTH)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(OtherArchitecture, match="of another shape"):
        load(written(tmp_path / "narrow.pth", arcface()))
    network = arcface()
    network.fc.bias.data[0] = np.nan
    with pytest.raises(UserError, match=r"fc\.bias that are not finite"):
        load(written(tmp_path / "nan.pth", network), WIDTH)
    (tmp_path / "page.pth").write_text("<!DOCTYPE html>")
    with pytest.raises(UserError, match="a web page"):
        load(tmp_path / "page.pth")
