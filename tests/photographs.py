"""The sample photographs, and portraits made of them."""

from pathlib import Path

import numpy as np
from PIL import Image
from places import PORTRAITS

from facecraft4d.toolkit import preprocess
from facecraft4d.toolkit.config import PreprocessConfig
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.stages import StageContext

HOPPER, ASTRONAUT = PORTRAITS / "grace_hopper.jpg", PORTRAITS / "astronaut.png"
SMALL = PreprocessConfig(size=256)


def build(path: Path, config: PreprocessConfig = SMALL) -> Portrait:
    return preprocess.run(path, config, StageContext(0, "cpu", path.parent, lambda progress: None))


def pixels(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB"))
