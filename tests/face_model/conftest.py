"""The default head under its own name, and a repeatable source of numbers."""

import numpy as np
import pytest

from facecraft4d.toolkit.face_model import FaceModel


@pytest.fixture(scope="session")
def head(model: FaceModel) -> FaceModel:
    return model


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)
