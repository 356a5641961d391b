"""Inception as FID measures with it: the published size, the pooling of TensorFlow's graph, files read strictly; FD-Inc768 from a package's file."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from paper_networks import NARROWED, fid, picture, written
from places import PORTRAITS
from torchvision.models import inception_v3

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.evaluation.paper import keras_js
from facecraft4d.toolkit.evaluation.paper.frechet import frechet_distance
from facecraft4d.toolkit.evaluation.paper.inception import CLASSES, LAST_768, Inception, features, load_768, load_fid
from facecraft4d.toolkit.images import read_rgb
from facecraft4d.toolkit.weights.matching import OtherArchitecture


@pytest.mark.slow
def test_the_published_size_and_names() -> None:
    """torchvision's own network, but for the number of classes and without its second head."""
    with torch.device("meta"):
        network = Inception(classes=CLASSES)
        known = inception_v3(weights=None, aux_logits=False, init_weights=False, num_classes=CLASSES)
    shapes = {name: each.shape for name, each in network.state_dict().items()}
    assert shapes == {name: each.shape for name, each in known.state_dict().items()}
    assert sum(each.numel() for each in network.parameters()) == 23_850_960
    assert network(torch.zeros(1, 3, 299, 299, device="meta")).shape == (1, 2048)
    with torch.device("meta"):
        assert Inception(LAST_768)(torch.zeros(1, 3, 299, 299)).shape == (1, 768)


def test_averages_leave_the_border_out_and_the_last_block_takes_the_largest() -> None:
    """A picture of one colour stays one all the way through a pool that leaves the border out."""
    network = fid()
    ones = torch.ones(1, 192 // NARROWED, 5, 5)
    block = network.Mixed_5b
    expected = block.branch_pool(ones)
    np.testing.assert_allclose(block(ones)[:, -32 // NARROWED :].detach(), expected.detach(), atol=1e-6)
    wide = torch.rand(1, 2048 // NARROWED, 5, 5)
    largest = network.Mixed_7c.branch_pool(torch.nn.functional.max_pool2d(wide, 3, 1, 1))
    np.testing.assert_allclose(network.Mixed_7c(wide)[:, -192 // NARROWED :].detach(), largest.detach(), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("legacy", [False, True])
def test_what_is_written_is_read(tmp_path: Path, legacy: bool) -> None:
    network = fid()
    path = written(tmp_path / "pt_inception.pth", network, without="num_batches_tracked", legacy=legacy)
    found = features(load_fid(path, NARROWED), picture())
    np.testing.assert_array_equal(found, features(network, picture()))
    assert found.shape == (2048 // NARROWED,) and found.dtype == np.float64
    with pytest.raises(OtherArchitecture, match=r"fc\.weight"):
        load_fid(written(tmp_path / "other.pth", network, without="fc.weight"), NARROWED)


def scripts(arrays: dict[str, np.ndarray]) -> bytes:
    """As nsfwjs' scripts, joined: every tensor in 8 bits but the last, which stays as it is."""
    entries, numbers = [], b""
    for k, (name, array) in enumerate(arrays.items()):
        entry = f'{{name:"{name}",shape:{json.dumps(array.shape).replace(" ", "")},dtype:"float32"'
        if k < len(arrays) - 1:
            least, step = float(array.min()), float(np.ptp(array)) / 255 or 1.0
            numbers += np.rint((array - least) / step).astype(np.uint8).tobytes()
            entry += f',quantization:{{min:{least!r},scale:{step!r},dtype:"uint8"}}'
        else:
            numbers += array.astype("<f4").tobytes()
        entries.append(entry + "}")
    content = base64.b64encode(numbers).decode()
    return f'exports={{weightsManifest:[{{weights:[{",".join(entries)}]}}]}};a="{content}"'.replace("(", "[").encode()


def test_tensors_in_8_bits_come_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {f"layer_{k}/kernel": random.normal(size=(3, 4, 5, 6)).astype(np.float32) for k in range(4)}
    (tmp_path / "a.js").write_bytes(scripts(arrays))
    found = keras_js.read_weights(tmp_path / "a.js")
    for name, array in arrays.items():
        np.testing.assert_allclose(found[name], array, atol=np.ptp(array) / 255)
    np.testing.assert_array_equal(found["layer_3/kernel"], arrays["layer_3/kernel"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ((b"shape:[3,4,5,6]", b"shape:[3,4,5,7]"), "are left|belong to no tensor"),
        ((b'dtype:"float32"', b'dtype:"float64"'), "0 tensors"),
        ((b"shape:[3,4,5,6]", b"shape:[3,4,5,6,1]"), "are left"),
        ((b'a="', b'a="!'), "are left"),
    ],
)  # fmt: skip
def test_scripts_that_do_not_agree_are_refused(tmp_path: Path, change: tuple[bytes, bytes], match: str) -> None:
    arrays = {f"l{k}/kernel": np.random.default_rng(k).normal(size=(3, 4, 5, 6)).astype(np.float32) for k in range(4)}
    (tmp_path / "a.js").write_bytes(scripts(arrays).replace(*change))
    with pytest.raises(UserError, match=match):
        keras_js.read_weights(tmp_path / "a.js")


@pytest.mark.slow
def test_what_a_package_carries_orders_distortions() -> None:
    """Pictures with noise are far from themselves, with more noise farther."""
    network = load_768(weights.path("inception_nsfwjs"))
    astronaut = read_rgb(PORTRAITS / "astronaut.png", 512)
    crops = [np.ascontiguousarray(astronaut[y : y + 256, x : x + 256]) for y in (0, 256) for x in (0, 256)]
    clean = np.stack([features(network, each) for each in crops])
    random, distances = np.random.default_rng(0), [frechet_distance(clean, clean)]
    for noise in (0.1, 0.4):
        noisy = [np.clip(each + random.normal(0, noise, each.shape), 0, 1).astype(np.float32) for each in crops]
        distances.append(frechet_distance(np.stack([features(network, each) for each in noisy]), clean))
    assert clean.shape[1] == 768 and distances[0] < 1e-6 < 1 < distances[1] < distances[2]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"<html>", bytes(1000)):
        (tmp_path / "x.js").write_bytes(content)
        with pytest.raises(UserError, match=r"x\.js: expected the scripts of nsfwjs"):
            load_768(tmp_path / "x.js")
