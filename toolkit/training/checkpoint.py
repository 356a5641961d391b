"""Checkpoints: the whole TrainingState in one file that is replaced atomically and read without running pickled code."""

import pickle
from dataclasses import fields
from pathlib import Path

import torch

from facecraft4d.toolkit.core.files import whole_file
from facecraft4d.toolkit.training.state import TrainingState

FILE_NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, state: TrainingState, key: str) -> None:
    """Write the state; `key` names the training it belongs to."""
    content = {field.name: getattr(state, field.name) for field in fields(state)}
    content["parameters"] = {name: tensor.detach() for name, tensor in state.parameters.items()}
    with whole_file(folder / FILE_NAME) as temporary:
        torch.save({"key": key, "state": content}, temporary)


def load_checkpoint(folder: Path, key: str, device: str) -> TrainingState | None:
    """The state saved under that key; None where there is none, or one of another training, or a damaged file."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError):
        return None
    if not isinstance(content, dict) or content.get("key") != key:
        return None
    state = TrainingState(**content["state"])
    for tensor in state.parameters.values():
        tensor.requires_grad_()
    return state
