"""Where things lie in the repository."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
PORTRAITS = ROOT / "samples" / "portraits"
TINY = ROOT / "samples" / "tiny_avatar.glb"
