"""Networks of the paper's measures in files as their givers write them: narrow, with numbers that follow from a seed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from liveportrait_cases import safetensors
from torch import nn

from facecraft4d.toolkit.evaluation.paper.arcface import DEPTHS, Architecture, IResNet
from facecraft4d.toolkit.evaluation.paper.inception import CLASSES, Inception

WIDTH, NARROWED = 4, 8


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network whose numbers keep the size of what goes through it, normalisations that are no identity among them."""
    torch.manual_seed(seed)
    network = make().eval()
    for name, values in network.state_dict().items():
        if name.endswith("running_mean"):
            values.normal_(0, 0.1)
        elif name.endswith("running_var"):
            values.uniform_(0.5, 1.5)
    return network


def arcface(depth: str = "r18", seed: int = 0) -> nn.Module:
    return seeded(lambda: IResNet(Architecture(DEPTHS[depth], WIDTH)), seed)


def fid(seed: int = 0) -> nn.Module:
    return seeded(lambda: Inception(classes=CLASSES, narrowed=NARROWED), seed)


def written(path: Path, network: nn.Module, without: str = "\0", legacy: bool = False) -> Path:
    """A checkpoint, without the tensors whose names end in something; safetensors by the path's ending."""
    state = {name: values for name, values in network.state_dict().items() if not name.endswith(without)}
    if path.suffix == ".safetensors":
        path.write_bytes(safetensors({name: values.numpy() for name, values in state.items()}))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return path


def picture(seed: int = 0, side: int = 160) -> np.ndarray:
    """Smooth colours."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(a * x + b * y + c) for a, b, c in random.uniform(-9, 9, (3, 3))]
    return (0.5 + 0.4 * np.stack(waves, -1)).astype(np.float32)
