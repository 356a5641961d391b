"""What the mesh looks like in USD: a UsdPreviewSurface that shines with the photograph's own light."""

from typing import Any

from facecraft4d.exporters.gltf.rig import CLAY, MATTE

ALBEDO = "albedo.png"
"""The picture's name inside of the package."""


def define_material(stage: Any, path: str, mesh: Any, textured: bool) -> None:
    """A material at `path`, bound to the mesh.

    Unlit, as UsdPreviewSurface can be: the photograph's light is in the picture, so it is emitted, and nothing is reflected. Without a
    picture it is clay that light falls on.
    """
    from pxr import Gf, Sdf, UsdShade

    types = Sdf.ValueTypeNames
    material, surface = UsdShade.Material.Define(stage, path), UsdShade.Shader.Define(stage, f"{path}/Surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("useSpecularWorkflow", types.Int).Set(1)
    surface.CreateInput("specularColor", types.Color3f).Set(Gf.Vec3f(0))
    surface.CreateInput("roughness", types.Float).Set(1.0 if textured else MATTE["roughnessFactor"])
    surface.CreateInput("diffuseColor", types.Color3f).Set(Gf.Vec3f(0) if textured else Gf.Vec3f(*CLAY[:3]))
    if textured:
        picture = _define_picture(stage, path)
        emitted = surface.CreateInput("emissiveColor", types.Color3f)
        emitted.ConnectToSource(picture.CreateOutput("rgb", types.Float3))
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", types.Token))
    UsdShade.MaterialBindingAPI.Apply(mesh).Bind(material)


def _define_picture(stage: Any, path: str) -> Any:
    """The picture, looked up at the primvar st."""
    from pxr import Sdf, UsdShade

    types = Sdf.ValueTypeNames
    places, picture = UsdShade.Shader.Define(stage, f"{path}/Places"), UsdShade.Shader.Define(stage, f"{path}/Picture")
    places.CreateIdAttr("UsdPrimvarReader_float2")
    places.CreateInput("varname", types.String).Set("st")
    picture.CreateIdAttr("UsdUVTexture")
    picture.CreateInput("file", types.Asset).Set(Sdf.AssetPath(ALBEDO))
    picture.CreateInput("sourceColorSpace", types.Token).Set("sRGB")
    for axis in "ST":
        picture.CreateInput(f"wrap{axis}", types.Token).Set("clamp")
    picture.CreateInput("st", types.Float2).ConnectToSource(places.CreateOutput("result", types.Float2))
    return picture
