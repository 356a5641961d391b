"""Programs that a test needs and a machine may lack."""

import os
from typing import NoReturn

import pytest


def absent(reason: object) -> NoReturn:
    """Skip the test, and say why; in CI, which installs everything, it fails instead."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(str(reason))
