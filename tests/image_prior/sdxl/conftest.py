"""The tiny folder, and what is loaded from it."""

from pathlib import Path

import pytest
from sdxl_cases import options, write_folder, write_unet

from facecraft4d.toolkit.image_prior.sdxl.folder import Folder, find
from facecraft4d.toolkit.image_prior.sdxl.loading import Networks, load_networks


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SDXL's folder with tiny networks; nobody changes it."""
    return write_folder(tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="session")
def other_unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another UNet of the same sizes."""
    return write_unet(tmp_path_factory.mktemp("unet"))


@pytest.fixture(scope="session")
def found(tiny: Path) -> Folder:
    return find(options(tiny).sdxl)


@pytest.fixture
def networks(found: Folder) -> Networks:
    """UNet and VAE, whose processors a test may change."""
    return load_networks(found, "cpu", offload=False)
