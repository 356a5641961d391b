"""Parts of a stage that take long, kept in the stage's own folder: a killed run goes on after the last that is whole."""

import os
from collections.abc import Callable
from typing import TypeVar

from facecraft4d.toolkit.cache.arrays import load, save
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.owned import KEY_DIGITS, discard

T = TypeVar("T")


def kept_part(context: StageContext, stage: str, name: str, key: str, kind: type[T], make: Callable[[], T]) -> T:
    """What an earlier run of a stage made under `name` of the same `key` (digest_of all that decides it), else what `make` gives, which is kept.

    What is damaged is said, removed and made anew.
    """
    file = context.folder / f"{name}_{key[:KEY_DIGITS]}.npz"
    if os.path.lexists(file):
        try:
            return load(file, kind)
        except UserError as error:
            note = f"a part that was kept is damaged ({error}); it is made anew"
            context.report(Progress(stage, 0, 1, notes=(note,)))
            discard(file)
    value = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    save(file, value)
    return value
