"""Before any test file is read: while tests run, arrays are compared with the shapes that functions state.

Only modules that state shapes are watched. Watching costs ten microseconds a call, and readers of files call their own functions millions of times;
plain types are mypy's.
"""

from glob import glob
from pathlib import Path

from jaxtyping import install_import_hook

PACKAGE = Path(__file__).parent / "facecraft4d"


def shaped_modules() -> list[str]:
    """Names of the package's modules that state shapes."""
    files = glob("**/*.py", root_dir=PACKAGE, recursive=True)  # goes through links, as the package's folders are
    shaped = [Path(file) for file in sorted(files) if "jaxtyping" in (PACKAGE / file).read_text(encoding="utf-8")]
    return [".".join((PACKAGE.name, *file.with_suffix("").parts)).removesuffix(".__init__") for file in shaped]


install_import_hook(shaped_modules(), "lazily.checked")
