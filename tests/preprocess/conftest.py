"""Both sample photographs, made ready once for all files here."""

import pytest
from photographs import ASTRONAUT, HOPPER, build

from facecraft4d.toolkit.core.datatypes import Portrait


@pytest.fixture(scope="session")
def hopper() -> Portrait:
    return build(HOPPER)


@pytest.fixture(scope="session")
def astronaut() -> Portrait:
    return build(ASTRONAUT)
