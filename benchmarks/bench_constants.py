"""Which numbers of the shape prior matter: each module-level one made 30 % smaller and larger, and what becomes of people's heads.

    python benchmarks/bench_constants.py FOLDER [--seed 1000] [--count 50] [--only hairline] [--list]

Numbers are found in the source (ints, floats, tuples and arrays of them assigned at the top of a module of shape_prior/parametric) and changed in
every module that holds them while the people of FOLDER (benchmarks/bench_people.py) are built anew; their fits are kept, since identity and
expression do not hang on these. A number is tried on one person after the other, each number beginning with another one, until a head moves: only what
moves no picture of any by more than 0.5/255 in the mean is a candidate for removal. FOLDER/constants.json keeps each result: a stopped run goes on.
"""

import argparse
import ast
import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from people.make import made

from facecraft4d.toolkit import preprocess, shape_prior
from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.stages import StageContext, silent
from facecraft4d.toolkit.images import resized
from facecraft4d.toolkit.shape_prior.parametric import invert

PACKAGE = "facecraft4d.toolkit.shape_prior.parametric"
FACTORS = (0.7, 1.3)
VIEWS = (0, 3, 6, 12, 18)
"""Of the 24 that are compared."""
SIDE = 64
"""Pixels of the pictures that are compared: grain, drawn anew wherever the shape changes at all, does not count."""
UNMOVED = 0.5
"""Mean change in 1/255 of the worst view up to which a number changes nothing that anybody sees."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number and where it is written."""

    module: str
    name: str
    value: Any


def constants(package: str = PACKAGE) -> Iterator[Constant]:
    """All that the sources assign to capital names and that are numbers."""
    root = Path(str(importlib.import_module(package).__file__)).parent
    for path in sorted(root.rglob("*.py")):
        module = ".".join([package, *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
        loaded = importlib.import_module(module)
        for statement in ast.parse(path.read_text()).body:
            for target in statement.targets if isinstance(statement, ast.Assign) else ():
                for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(name, ast.Name) and name.id.isupper() and numeric(getattr(loaded, name.id)):
                        yield Constant(module, name.id, getattr(loaded, name.id))


def numeric(value: Any) -> bool:
    """Numbers, and tuples and arrays of them."""
    if isinstance(value, tuple):
        return bool(value) and all(numeric(each) for each in value)
    if isinstance(value, np.ndarray):
        return bool(np.issubdtype(value.dtype, np.number))
    return isinstance(value, int | float) and not isinstance(value, bool)


def scaled(value: Any, factor: float) -> Any:
    """The same kind of value; whole numbers change by one at least."""
    if isinstance(value, tuple):
        return tuple(scaled(each, factor) for each in value)
    if isinstance(value, np.ndarray):
        return (value * factor).astype(value.dtype)
    if isinstance(value, int):
        changed = round(value * factor)
        return changed if changed != value else value + (1 if factor > 1 else -1)
    return value * factor


@contextmanager
def changed(constant: Constant, factor: float) -> Iterator[None]:
    """The number changed in every module of the package that holds it under its name."""
    holders = [
        module for name, module in list(sys.modules.items())
        if name.startswith(PACKAGE) and getattr(module, constant.name, None) is constant.value
    ]  # fmt: skip
    for module in holders:
        setattr(module, constant.name, scaled(constant.value, factor))
    try:
        yield
    finally:
        for module in holders:
            setattr(module, constant.name, constant.value)


class Person:
    """A portrait whose fit is made once."""

    def __init__(self, folder: Path) -> None:
        self._context, self._config = StageContext(0, Device.CPU, folder, silent), BuildConfig()
        self._portrait = preprocess.run(folder / "portrait.jpg", self._config.preprocess, self._context)
        self._kept: dict[str, Any] = {}
        self.pictures = self.drawn()

    def drawn(self) -> np.ndarray:
        """Some views of the head [n, h, w, 3]."""
        whole = {name: getattr(invert, name) for name in ("fit_moment", "fit_offsets")}
        for name, function in whole.items():
            setattr(invert, name, self._once(name, function))
        try:
            views = shape_prior.run(
                self._portrait, self._config.shape_prior, self._config.face_model, self._context
            ).views.views
        finally:
            for name, function in whole.items():
                setattr(invert, name, function)
        return np.stack([resized(views[index].image, SIDE) for index in VIEWS])

    def _once(self, name: str, function: Any) -> Any:
        def call(*inputs: Any, **options: Any) -> Any:
            if name not in self._kept:
                self._kept[name] = function(*inputs, **options)
            return self._kept[name]

        return call


def moved(people: Sequence[Person], constant: Constant) -> tuple[float | str, int]:
    """The mean change of the worst view in 1/255, or what broke, of the first head that moves (of the one that moved most if none
    does), and how many heads were tried.
    """
    most = 0.0
    for tried, person in enumerate(people, 1):
        for factor in FACTORS:
            try:
                with changed(constant, factor):
                    change = float(np.abs(person.drawn() - person.pictures).mean((1, 2, 3)).max() * 255)
            except Exception as error:
                return f"{type(error).__name__}: {error}", tried
            most = max(most, change)
            if most >= UNMOVED:
                return most, tried
    return most, len(people)


def main() -> None:
    """Change one number after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--only", default="", help="modules and names that contain this")
    parser.add_argument("--list", action="store_true", help="only name the numbers")
    options = parser.parse_args()
    found = [each for each in constants() if options.only in f"{each.module}.{each.name}"]
    if options.list:
        print("\n".join(f"{each.module.removeprefix(PACKAGE)[1:]:28s} {each.name} = {each.value}" for each in found))
        print(f"{len(found)} numbers")
        return
    seeds = range(options.seed, options.seed + options.count)
    people = [Person(made(options.folder, seed, "few")) for seed in seeds]
    path = options.folder / "constants.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for index, each in enumerate(found):
        key = f"{each.module.removeprefix(PACKAGE)[1:]}.{each.name} = {each.value}"
        if key not in results:
            first = index % len(people)
            results[key] = moved(people[first:] + people[:first], each)
            path.write_text(json.dumps(results, indent=1))
        change, tried = results[key]
        print(key, change if isinstance(change, str) else f"{change:.2f}", f"({tried} heads)", flush=True)
    idle = [key for key, (change, _) in results.items() if not isinstance(change, str) and change < UNMOVED]
    print(f"{len(idle)} of {len(results)} change nothing that anybody sees:", *idle, sep="\n  ")


if __name__ == "__main__":
    main()
