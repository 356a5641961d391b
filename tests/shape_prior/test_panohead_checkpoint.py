"""PanoHead's files: what the published layout holds comes back, nothing of it is run, and whatever differs is named."""

import gzip
import io
import json
import pickle
import re
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import panohead_cases as cases
import pytest
import torch
from panohead_cases import NARROW
from places import DATA

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.torch_pickles import read_network
from facecraft4d.toolkit.shape_prior.panohead import checkpoint
from facecraft4d.toolkit.shape_prior.panohead.cameras import intrinsics, label, world_from_orbit
from facecraft4d.toolkit.shape_prior.panohead.checkpoint import architecture_of, load_generator
from facecraft4d.toolkit.shape_prior.panohead.generator import Architecture, Generator
from facecraft4d.toolkit.weights.matching import SHOWN, OtherArchitecture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generator() -> Generator:
    return cases.ruled(NARROW)


@pytest.fixture(scope="module")
def narrow(generator: Generator) -> bytes:
    return cases.file_bytes(generator)


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(UserError) as raised:
        load_generator(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: expected a PanoHead checkpoint") and "\n" not in message
    return message


def test_what_was_written_comes_back(tmp_path: Path, generator: Generator, narrow: bytes) -> None:
    (tmp_path / "narrow.pkl").write_bytes(narrow)
    found = load_generator(tmp_path / "narrow.pkl")
    assert found.architecture == NARROW
    expected = generator.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.state_dict().items())
    z, c = torch.from_numpy(cases.rule("z", 0, (1, 16)).astype(np.float32)), label(world_from_orbit(0.4), intrinsics())
    assert all(torch.equal(a, b) for a, b in zip(found(z, c), generator(z, c), strict=True))


@pytest.mark.parametrize(("old_numpy", "name"), [(False, b"numpy._core"), (True, b"numpy.core")])
def test_numpys_names_old_and_new(tmp_path: Path, generator: Generator, old_numpy: bool, name: bytes) -> None:
    data = cases.file_bytes(generator, old_numpy=old_numpy)
    assert name + b".multiarray" in data
    (tmp_path / "narrow.pkl").write_bytes(data)
    found = read_network(tmp_path / "narrow.pkl", "G_ema", "a network", 1 << 20)
    assert (found.class_name, len(found.tensors)) == ("Generator", len(generator.state_dict()))


def test_the_originals_own_file_is_read(tmp_path: Path) -> None:
    """Written by NVIDIA's persistence, narrow, with numbers by a rule (the golden vectors' README)."""
    path = tmp_path / "tiny.pkl"
    path.write_bytes(gzip.decompress((DATA / "panohead_tiny_network.pkl.gz").read_bytes()))
    generator = load_generator(path)
    assert generator.architecture == Architecture(channel_base=512, channel_max=8)
    assert set(generator.state_dict()) == set(json.loads((DATA / "panohead_keys.json").read_text(encoding="utf-8")))
    for name, value in generator.state_dict().items():
        if not name.endswith("resample_filter"):
            start = (zlib.crc32(name.encode()) + 1001) % 1000003
            expected = ((7 * np.arange(value.numel(), dtype=np.int64) + start) % 16 - 8) / 8
            assert np.array_equal(value.numpy().ravel(), expected.astype(np.float32)), name


def test_source_in_a_file_is_not_run(tmp_path: Path, generator: Generator) -> None:
    mark = tmp_path / "run"
    source = f"open({str(mark)!r}, 'w')\n" + "#" * 5000
    load_generator(cases.write(tmp_path / "armed.pkl", generator, source=source))
    assert not mark.exists()


class Calls:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("place", ["G", "D", "G_ema", "augment_pipe", "training_set_kwargs"])
def test_calls_are_refused_by_name_wherever_they_stand(tmp_path: Path, generator: Generator, place: str) -> None:
    import os

    mark = tmp_path / "run"
    data = cases.file_bytes(generator, **{place: Calls(os.system, f"touch {mark}")})
    assert "system, which is refused" in refusal(tmp_path / "hostile.pkl", data)
    assert not mark.exists()


def test_calls_of_torch_itself_are_refused(tmp_path: Path, generator: Generator) -> None:
    data = cases.file_bytes(generator, D=Calls(torch.load, "elsewhere"))
    assert "torch.serialization.load, which is refused" in refusal(tmp_path / "hostile.pkl", data)


def test_other_networks_in_the_file_are_not_unpacked(tmp_path: Path, generator: Generator) -> None:
    """A critic whose tensor lies about its size stands beside, and nobody looks."""
    critic = torch.nn.Linear(3, 3)
    data = cases.file_bytes(generator, D=cases.persistent(critic, "", {}))
    (tmp_path / "narrow.pkl").write_bytes(
        data.replace(struct.pack("<q", 9) + critic.weight.detach().numpy().tobytes(), b"\xff" * 44)
    )
    load_generator(tmp_path / "narrow.pkl")


def test_a_file_is_held_once(tmp_path: Path) -> None:
    """Whatever lies beside the generator takes no memory of its own."""
    path = tmp_path / "large.pkl"
    path.write_bytes(
        cases.published(torch.nn.Linear(3, 2), {}, D=cases.persistent(torch.nn.Linear(2000, 2000), "", {}))
    )
    size = path.stat().st_size
    tracemalloc.start()
    read_network(path, "G_ema", "a network", 1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 15 << 20 < size < peak < size + (1 << 20)


def test_differences_are_named_by_their_kind(tmp_path: Path, generator: Generator) -> None:
    changed = cases.ruled(NARROW)
    del changed.torgb.bias
    changed.torgb.extra = torch.nn.Parameter(torch.zeros(2))
    changed.decoder.net[0].bias = torch.nn.Parameter(torch.zeros(5))
    path, kinds = (
        cases.write(tmp_path / "other.pkl", changed),
        r"1 missing \(torgb.bias\); 1 unexpected \(torgb.extra\); 1 of another shape",
    )
    with pytest.raises(OtherArchitecture, match=kinds) as found:
        load_generator(path)
    assert found.value.differences.lines == (
        "missing: torgb.bias",
        "unexpected: torgb.extra",
        "shape: decoder.net.0.bias (5,) for (64,)",
    )


def test_a_message_names_the_first_differences_only(tmp_path: Path, generator: Generator) -> None:
    kwargs = cases.arguments(NARROW) | {"img_resolution": 128}
    message = refusal(tmp_path / "other.pkl", cases.file_bytes(generator, kwargs=kwargs))
    assert "of another shape" in message and message.count(" for (") == SHOWN


OTHERS: dict[str, Any] = {
    "z_dim": [0, -1, 1.0, True, None, 10**9, "512"], "c_dim": [24], "img_resolution": [500, 16], "channel_max": [0, []], "architecture": ["resnet"],
    "rendering_kwargs": [7, {}], "sr_kwargs": [{}],
}  # fmt: skip
RENDERING: dict[str, Any] = {
    "clamp_mode": ["relu"], "decoder_activation": ["sigmoid"], "ray_start": [float("nan"), -1, 3.3, "2"], "triplane_depth": [0, 17],
    "box_warp": [0, float("inf")], "depth_resolution": [1, 10**6], "white_back": [True], "superresolution_module": ["os.system"],
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in OTHERS.items() for value in values])
def test_other_architectures_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValueError):
        architecture_of(cases.arguments(NARROW) | {key: value})


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in RENDERING.items() for value in values])
def test_other_renderings_are_refused(key: str, value: Any) -> None:
    described = cases.arguments(NARROW)
    with pytest.raises(ValueError):
        architecture_of(described | {"rendering_kwargs": described["rendering_kwargs"] | {key: value}})


def test_the_architecture_is_what_the_file_says() -> None:
    for architecture in (NARROW, Architecture()):
        assert architecture_of(cases.arguments(architecture)) == architecture


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    broken = cases.ruled(NARROW)
    broken.bcg_synthesis.b4.const[0, 0, 0] = torch.nan
    assert "bcg_synthesis.b4.const" in refusal(tmp_path / "nan.pkl", cases.file_bytes(broken))


BESIDE: dict[str, tuple[bytes, str]] = {
    "a web page": (b"<!DOCTYPE html><html>quota exceeded</html>", "opcode"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", ""),
    "nothing": (b"", "ends early"),
    "another dict": (pickle.dumps({"G": None}), "a pickle without G_ema"),
    "a list": (pickle.dumps([1]), "a pickle without G_ema"),
    "no network": (pickle.dumps({"G_ema": 3}), "whose G_ema is no network"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    data, words = BESIDE[name]
    assert words in refusal(tmp_path / "beside.pkl", data)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_files_cut_short_are_refused(tmp_path: Path, narrow: bytes, share: float) -> None:
    assert "ends early" in refusal(tmp_path / "cut.pkl", narrow[: int(share * len(narrow))])


def test_too_large_a_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, narrow: bytes
) -> None:
    monkeypatch.setattr(checkpoint, "LARGEST_FILE", 1000)
    assert "of at most" in refusal(tmp_path / "large.pkl", narrow)


def stored(tmp_path: Path, value: Any) -> dict[str, np.ndarray]:
    """The tensors of a network with one parameter."""
    module = torch.nn.Module()
    module._parameters["x"] = value
    with cases.published_modules():
        data = pickle.dumps({"G_ema": cases.persistent(module, "", {})}, protocol=4)
    (tmp_path / "one.pkl").write_bytes(data)
    return read_network(tmp_path / "one.pkl", "G_ema", "a network", 1 << 20).tensors


@pytest.mark.parametrize(
    "value",
    [
        torch.arange(24.0).view(2, 3, 4), torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1), torch.arange(24.0)[5:9], torch.zeros(()),
        torch.zeros(0, 3), torch.arange(6).half(), torch.arange(6).double(), torch.arange(6), torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    ],
)  # fmt: skip
def test_tensors_lie_in_their_storage_as_their_strides_say(tmp_path: Path, value: torch.Tensor) -> None:
    found = stored(tmp_path, value)["x"]
    assert found.dtype == value.numpy().dtype and np.array_equal(found, value.numpy())


class Rebuilt:
    """A tensor by the arguments of its rebuilding."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, (*self.arguments, False, {})


class FromBytes:
    """A storage by its bytes."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> Any:
        return torch.storage._load_from_bytes, (self.content,)


def four(change: tuple[bytes, bytes] = (b"", b"")) -> FromBytes:
    """A storage of four numbers, with bytes replaced."""
    buffer = io.BytesIO()
    torch.save(torch.arange(4.0)._typed_storage(), buffer, _use_new_zipfile_serialization=False)
    return FromBytes(buffer.getvalue().replace(*change) if change[0] else buffer.getvalue())


FORGED = {
    "beyond the end": Rebuilt(four(), 1, (4,), (1,)),
    "before the beginning": Rebuilt(four(), -1, (2,), (1,)),
    "backwards": Rebuilt(four(), 3, (4,), (-1,)),
    "more than there is": Rebuilt(four(), 0, (1 << 40,), (0,)),
    "many times the same": Rebuilt(four(), 0, (4, 4, 4), (0, 0, 1)),
    "many sides": Rebuilt(four(), 0, (1,) * 20, (1,) * 20),
    "shape and strides": Rebuilt(four(), 0, (2, 2), (1,)),
    "no shape": Rebuilt(four(), 0, [4], [1]),
    "truth for a number": Rebuilt(four(), 0, (True,), (1,)),
    "no bytes": Rebuilt(FromBytes("text"), 0, (4,), (1,)),
    "another count": Rebuilt(four((struct.pack("<q", 4), struct.pack("<q", 5))), 0, (4,), (1,)),
    "another type": Rebuilt(four((b"FloatStorage", b"DoubleStorage")), 0, (4,), (1,)),
    "a call within": Rebuilt(four((b"ctorch\nFloatStorage", b"cos\nsystem")), 0, (4,), (1,)),
    "another format": Rebuilt(four((b"M\xe9\x03", b"M\xe8\x03")), 0, (4,), (1,)),
    "of the other end": Rebuilt(four((b"little_endianq\x02\x88", b"little_endianq\x02\x89")), 0, (4,), (1,)),
}


@pytest.mark.parametrize("name", FORGED)
def test_tensors_that_lie_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'one.pkl'}: expected a network, found ")):
        stored(tmp_path, FORGED[name])


def test_networks_that_contain_themselves_are_refused(tmp_path: Path, generator: Generator) -> None:
    inner: Any = {}
    for _ in range(30):
        with_two = cases.persistent(torch.nn.Module(), "", {})
        with_two.meta["state"]["_modules"] = {"a": inner, "b": inner}
        inner = with_two
    message = refusal(tmp_path / "deep.pkl", cases.file_bytes(generator, G_ema=inner))
    assert "deep" in message or "parts" in message
