"""Files of splats without a rig, as an engine's own loader shows them: which frame is upright where."""

from dataclasses import dataclass

from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.options import Frame, PlyOptions


@dataclass(frozen=True)
class Still:
    """A file that an engine reads by itself, and whether the head stands upright in it and looks at us."""

    suffix: str
    frame: Frame | None = None
    """For PLY, whose format names no axes."""
    upright: bool = True

    @property
    def label(self) -> str:
        """For tables and names of files."""
        return f"{self.suffix.removeprefix('.')}-{self.frame.value}" if self.frame else self.suffix.removeprefix(".")

    @property
    def options(self) -> ExportOptions:
        """How it is written."""
        return ExportOptions(ply=PlyOptions(ply_frame=self.frame)) if self.frame else ExportOptions()


PLY_UP, PLY_DOWN = Still(".ply", Frame.Y_UP), Still(".ply", Frame.Y_DOWN, upright=False)
"""The PLY of an engine that reads its numbers as they are: y-down lies on its head."""
SPZ = Still(".spz")
