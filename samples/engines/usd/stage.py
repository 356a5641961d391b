"""What OpenUSD alone makes of an avatar's .usdz: python samples/engines/usd/stage.py head.usdz. Needs usd-core and numpy."""

import sys
from pathlib import Path

import numpy as np
from pxr import Usd, UsdGeom, UsdSkel, UsdValidation, Vt

SPLATS = {"centre": "positions", "rotation": "orientations", "scale": "scales"}
"""What moves of a splat, and the attribute that says it."""


class Stage:
    """An opened file."""

    def __init__(self, path: Path) -> None:
        self.stage = Usd.Stage.Open(str(path))
        self.splats = self.stage.GetPrimAtPath("/Head/Splats")
        self.mesh = UsdGeom.Mesh(self.stage.GetPrimAtPath("/Head/Rig/Mesh"))

    def findings(self) -> list[str]:
        """What OpenUSD's own checkers have against the file."""
        registry = UsdValidation.ValidationRegistry()
        context = UsdValidation.ValidationContext(registry.GetOrLoadAllValidators())
        return [error.GetMessage() for error in context.Validate(self.stage)]

    def times(self) -> list[float]:
        """Time codes of the splats' frames."""
        found: list[float] = self.splats.GetAttribute("positions").GetTimeSamples()
        return found

    def splat(self, part: str, time: float) -> np.ndarray:
        """Positions [n, 3], orientations [n, 4] (wxyz) or scales [n, 3] at a time code."""
        values = self.splats.GetAttribute(SPLATS[part]).Get(time)
        if part == "rotation":
            return np.array([(each.GetReal(), *each.GetImaginary()) for each in values], np.float32)
        return np.asarray(values)

    def points(self, time: float) -> np.ndarray:
        """The mesh's vertices [v, 3], moved by UsdSkel: blend shapes, then joints."""
        prim, cache = self.mesh.GetPrim(), UsdSkel.Cache()
        cache.Populate(UsdSkel.Root(self.stage.GetPrimAtPath("/Head/Rig")), Usd.PrimDefaultPredicate)
        skeleton = cache.GetSkelQuery(UsdSkel.Skeleton(self.stage.GetPrimAtPath("/Head/Rig/Skeleton")))
        shapes = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(prim))
        points = Vt.Vec3fArray(self.mesh.GetPointsAttr().Get())
        weights = shapes.ComputeSubShapeWeights(skeleton.GetAnimQuery().ComputeBlendShapeWeights(time))
        indices, offsets = shapes.ComputeBlendShapePointIndices(), shapes.ComputeSubShapePointOffsets()
        shapes.ComputeDeformedPoints(*weights, indices, offsets, points)
        cache.GetSkinningQuery(prim).ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(time), points, time)
        return np.asarray(points)


def main() -> None:
    """Print what is in the file, and what moves between its first frame and its middle."""
    stage = Stage(Path(sys.argv[1]))
    for prim in stage.stage.Traverse():
        if not prim.IsA(UsdSkel.BlendShape):
            print(f"{prim.GetPath()}  {prim.GetTypeName()}")
    print("shown:", stage.stage.GetDefaultPrim().GetVariantSet("shown").GetVariantSelection())
    print("checkers:", stage.findings() or "nothing found")
    times = stage.times()
    if not times:
        print("no clip: export with --clip NAME")
        return
    first, middle = times[0], times[len(times) // 2]
    for part in SPLATS:
        moved = np.abs(stage.splat(part, middle) - stage.splat(part, first)).max(1) > 0
        print(f"{part}: {moved.sum()} of {len(moved)} splats move")
    print(f"mesh: {(stage.points(middle) != stage.points(first)).any(1).sum()} vertices move")


if __name__ == "__main__":
    main()
