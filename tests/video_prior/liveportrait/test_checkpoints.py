"""The user's checkpoints: read as published, matched strictly, and refused in one line that says what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from liveportrait_cases import FILES, KINDS, NARROW, PARTS, STITCHING, safetensors, save, weights, write_checkpoints

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.video_prior.liveportrait.architecture import PUBLISHED
from facecraft4d.toolkit.video_prior.liveportrait.checkpoints import load_networks
from facecraft4d.toolkit.weights.matching import Differences, OtherArchitecture

MOTION = FILES["lp.motion"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoints(tmp_path)
    return tmp_path


def assert_loaded(folder: Path) -> None:
    networks = load_networks(folder, architecture=NARROW)
    made = (
        networks.appearance,
        networks.motion,
        networks.warping,
        networks.generator,
        networks.stitching,
        networks.lip,
        networks.eye,
    )
    for net, network in zip(KINDS, made, strict=True):
        state = network.state_dict()
        for name, array in weights(net, NARROW).items():
            np.testing.assert_array_equal(state[name].numpy(), array)
        assert not network.training and not any(each.requires_grad for each in network.parameters())


@pytest.mark.slow
def test_published_files_are_read(folder: Path) -> None:
    assert_loaded(folder)


@pytest.mark.slow
def test_the_prefix_of_several_devices_is_stripped(tmp_path: Path) -> None:
    write_checkpoints(tmp_path, prefix="module.")
    assert_loaded(tmp_path)


def test_files_beside_each_other_and_safetensors_are_read(tmp_path: Path) -> None:
    for net, name in FILES.items():
        (tmp_path / f"{Path(name).name}.safetensors").write_bytes(safetensors(weights(net, NARROW)))
    small = {
        f"{part}_module.{name}": array for net, part in PARTS.items() for name, array in weights(net, NARROW).items()
    }
    (tmp_path / f"{Path(STITCHING).name}.safetensors").write_bytes(safetensors(small))
    assert_loaded(tmp_path)


@pytest.mark.slow
def test_half_precision_is_read_as_float32(folder: Path) -> None:
    arrays = weights("lp.motion", NARROW)
    halved = {name: array.astype(np.float16) for name, array in arrays.items()}
    save(folder / f"{MOTION}.pth", halved)
    state = load_networks(folder, architecture=NARROW).motion.state_dict()
    for name, array in halved.items():
        assert state[name].dtype == torch.float32
        np.testing.assert_array_equal(state[name].numpy(), array.astype(np.float32))


def test_a_file_that_is_not_there_is_named_with_its_page(folder: Path) -> None:
    (folder / f"{STITCHING}.pth").unlink()
    with pytest.raises(
        UserError, match=r"retargeting_models/stitching_retargeting_module.pth.*\(MIT\).*huggingface.co"
    ):
        load_networks(folder, architecture=NARROW)


@pytest.mark.slow
def test_differences_are_told(folder: Path) -> None:
    arrays = weights("lp.motion", NARROW)
    arrays["detector.fc_t.bias"] = np.zeros((2,), np.float32)
    arrays["detector.fc_exp.bias"] = np.zeros((15,), np.int64)
    arrays["other"] = arrays.pop("detector.norm.bias")
    save(folder / f"{MOTION}.pth", arrays)
    with pytest.raises(OtherArchitecture) as found:
        load_networks(folder, architecture=NARROW)
    assert found.value.differences == Differences(
        ("detector.norm.bias",),
        ("other",),
        ("detector.fc_t.bias (2,) for (3,)", "detector.fc_exp.bias whole numbers (15,) for (15,)"),
    )
    assert str(found.value).startswith(f"{folder / MOTION}.pth: expected ")
    assert "1 missing (detector.norm.bias); 1 unexpected (other); 2 of another shape" in str(found.value)


@pytest.mark.slow
def test_another_architecture_and_another_networks_file_are_refused(folder: Path) -> None:
    with pytest.raises(
        OtherArchitecture,
        match=r"appearance_feature_extractor, found 70 missing \(.*\); 32 of another shape",
    ):
        load_networks(folder, architecture=PUBLISHED)
    (folder / f"{FILES['lp.warping']}.pth").rename(folder / f"{MOTION}.pth")
    save(folder / f"{FILES['lp.warping']}.pth", weights("lp.warping", NARROW))
    with pytest.raises(OtherArchitecture, match=r"motion_extractor\.pth: .* missing .*; .* unexpected"):
        load_networks(folder, architecture=NARROW)


@pytest.mark.slow
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(folder: Path, value: float) -> None:
    arrays = weights("lp.motion", NARROW)
    arrays["detector.fc_t.bias"][1] = value
    save(folder / f"{MOTION}.pth", arrays)
    with pytest.raises(UserError, match=r"motion_extractor\.pth: .*detector\.fc_t\.bias that are not finite"):
        load_networks(folder, architecture=NARROW)


class _Caller:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('run')",)


@pytest.mark.slow
def test_code_in_a_checkpoint_is_not_run(folder: Path) -> None:
    torch.save({"a": _Caller()}, folder / f"{MOTION}.pth")
    with pytest.raises(UserError, match=r"motion_extractor\.pth: .*builtin.*\.exec, which is refused"):
        load_networks(folder, architecture=NARROW)
