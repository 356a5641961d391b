"""Geometry nodes that carry splats on the posed rig, and the material that draws one as a Gaussian."""

from typing import Any

import bpy

REACH = 4.0
"""Half side of a splat's squares in standard deviations: at 3.33 an opaque splat has faded to 1/255, and rays may be oblique."""
ON_SQUARE = 0.05
"""Standard deviations: nearer to a plane than that a hit is on its square."""
QUARTER = 1.5707963
"""Of a turn, radians."""
MOST_OPAQUE, FAINTEST = 0.999, 1 / 255
"""Of a splat at a pixel, as our renderers have it: more is cut, less is left out."""


class Tree:
    """A node tree that is written down as expressions: every method adds a node and gives its output."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree

    def node(self, kind: str, *inputs: Any, **settings: Any) -> Any:
        """A node of that kind with its inputs in order: sockets of others, or values; None leaves one as it is."""
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for socket, value in zip([each for each in node.inputs if each.enabled], inputs, strict=False):
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            elif value is not None:
                socket.default_value = value
        return node

    def vector(self, operation: str, *inputs: Any) -> Any:
        """Arithmetic of vectors; a number where the operation gives one."""
        node = self.node("ShaderNodeVectorMath", *inputs, operation=operation)
        return next(each for each in node.outputs if each.enabled)

    def number(self, operation: str, *inputs: Any) -> Any:
        """Arithmetic of numbers."""
        return self.node("ShaderNodeMath", *inputs, operation=operation).outputs[0]

    def scaled(self, vector: Any, factor: Any) -> Any:
        """The vector times a number."""
        node = self.node("ShaderNodeVectorMath", vector, operation="SCALE")
        self.tree.links.new(factor, node.inputs["Scale"])
        return node.outputs[0]

    def named(self, name: str, kind: str) -> Any:
        """An attribute of the splats."""
        return self.node("GeometryNodeInputNamedAttribute", name, data_type=kind).outputs[0]


def splat_nodes(rig: Any, material: Any) -> Any:
    """A node group for a mesh whose vertices are splats (attributes of import_avatar.py): each is drawn on its posed triangle.

    docs/conventions.md, binding of a splat to its triangle: the same lines, read from the mesh that shape keys and armature have moved.
    """
    group = bpy.data.node_groups.new("Splats", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    tree = Tree(group)
    rotation, scale, centroid = _triangle_frames(tree, rig)
    offset = tree.node("FunctionNodeRotateVector", tree.scaled(tree.named("mean", "FLOAT_VECTOR"), scale), rotation)
    turned = tree.node(
        "FunctionNodeRotateRotation", rotation, tree.named("rotation", "QUATERNION"), rotation_space="LOCAL"
    )
    points = tree.node("GeometryNodeMeshToPoints", tree.node("NodeGroupInput").outputs[0])
    placed = tree.node(
        "GeometryNodeSetPosition", points.outputs[0], None, tree.vector("ADD", offset.outputs[0], centroid)
    )
    drawn = tree.node("GeometryNodeSetMaterial", _squares(tree), None, material)
    splats = tree.node("GeometryNodeInstanceOnPoints", placed.outputs[0], None, drawn.outputs[0])
    group.links.new(turned.outputs[0], splats.inputs["Rotation"])
    group.links.new(tree.scaled(tree.named("sigma", "FLOAT_VECTOR"), scale), splats.inputs["Scale"])
    tree.node("NodeGroupOutput", splats.outputs[0])
    return group


def _squares(tree: Tree) -> Any:
    """Three squares through the splat's centre, across its three axes: what a ray meets."""
    flat = tree.node("GeometryNodeMeshGrid", 2 * REACH, 2 * REACH, 2, 2).outputs[0]
    joined = tree.node("GeometryNodeJoinGeometry")
    for turn in ((0.0, 0.0, 0.0), (QUARTER, 0.0, 0.0), (0.0, QUARTER, 0.0)):
        square = tree.node("GeometryNodeTransform")
        square.inputs["Rotation"].default_value = turn
        tree.tree.links.new(flat, square.inputs["Geometry"])
        tree.tree.links.new(square.outputs[0], joined.inputs[0])
    return joined.outputs[0]


def _triangle_frames(tree: Tree, rig: Any) -> tuple[Any, Any, Any]:
    """Rotation, scale and centroid of every splat's triangle."""
    mesh = tree.node("GeometryNodeObjectInfo", rig, transform_space="RELATIVE").outputs["Geometry"]
    position = tree.node("GeometryNodeInputPosition").outputs[0]
    v0, v1, v2 = (
        tree.node(
            "GeometryNodeSampleIndex", mesh, position, tree.named(f"corner_{each}", "INT"), data_type="FLOAT_VECTOR"
        ).outputs[0]
        for each in range(3)
    )
    first, second = tree.vector("SUBTRACT", v1, v0), tree.vector("SUBTRACT", v2, v0)
    a0 = tree.vector("NORMALIZE", first)
    a1 = tree.vector("NORMALIZE", tree.vector("CROSS_PRODUCT", a0, second))
    a2 = tree.vector("CROSS_PRODUCT", a0, a1)
    height = tree.number("ABSOLUTE", tree.vector("DOT_PRODUCT", a2, second))
    scale = tree.number("MULTIPLY", tree.number("ADD", tree.vector("LENGTH", first), height), 0.5)
    total = tree.vector("ADD", tree.vector("ADD", v0, v1), v2)
    rotation = tree.node("FunctionNodeAxesToRotation", a0, a1, primary_axis="X", secondary_axis="Y").outputs[0]
    return rotation, scale, tree.vector("DIVIDE", total, (3.0, 3.0, 3.0))


def splat_material() -> Any:
    """Light of the splat's colour, as opaque as the Gaussian is where the ray passes its centre at the least distance."""
    material = bpy.data.materials.new("Splat")
    material.use_nodes = True
    material.node_tree.nodes.clear()
    material.cycles.emission_sampling = "NONE"  # nobody is lit by thousands of splats
    material.surface_render_method = "BLENDED"
    tree = Tree(material.node_tree)
    place = tree.node("ShaderNodeTexCoord").outputs["Object"]  # in standard deviations
    back = tree.node("ShaderNodeNewGeometry").outputs["Incoming"]
    ray = tree.node("ShaderNodeVectorTransform", back, vector_type="VECTOR", convert_from="WORLD", convert_to="OBJECT")
    direction = tree.vector("NORMALIZE", ray.outputs[0])
    alpha = tree.number("MULTIPLY", _opacity(tree, place, direction), _counts(tree, place, direction))
    colour = tree.node("ShaderNodeAttribute", attribute_type="INSTANCER", attribute_name="color").outputs["Color"]
    light = tree.node("ShaderNodeEmission", tree.vector("MAXIMUM", colour, (0.0, 0.0, 0.0)))
    clear = tree.node("ShaderNodeBsdfTransparent")
    mixed = tree.node("ShaderNodeMixShader", alpha, clear.outputs[0], light.outputs[0])
    tree.node("ShaderNodeOutputMaterial", mixed.outputs[0])
    return material


def _opacity(tree: Tree, place: Any, direction: Any) -> Any:
    """opacity exp(-d^2 / 2), 0 where that is too faint; d: least distance of the ray from the centre, in standard deviations."""
    along = tree.vector("DOT_PRODUCT", place, direction)
    squared = tree.number("SUBTRACT", tree.vector("DOT_PRODUCT", place, place), tree.number("MULTIPLY", along, along))
    gauss = tree.number("EXPONENT", tree.number("MULTIPLY", squared, -0.5))
    opacity = tree.node("ShaderNodeAttribute", attribute_type="INSTANCER", attribute_name="opacity").outputs["Fac"]
    alpha = tree.number("MULTIPLY", gauss, opacity)
    visible = tree.number("MULTIPLY", alpha, tree.number("GREATER_THAN", alpha, FAINTEST))
    return tree.number("MINIMUM", visible, MOST_OPAQUE)


def _counts(tree: Tree, place: Any, direction: Any) -> Any:
    """1 on the square that the ray meets most squarely, 0 on the others: a ray sees a splat once, near its centre."""
    places = tree.node("ShaderNodeSeparateXYZ", tree.vector("ABSOLUTE", place)).outputs
    sizes = tree.node("ShaderNodeSeparateXYZ", tree.vector("ABSOLUTE", direction)).outputs
    most = tree.number("MAXIMUM", sizes[0], tree.number("MAXIMUM", sizes[1], sizes[2]))
    counts = [
        tree.number("MULTIPLY", tree.number("LESS_THAN", at, ON_SQUARE), tree.number("COMPARE", size, most, 0.0))
        for at, size in zip(places, sizes, strict=True)
    ]
    return tree.number("MAXIMUM", counts[0], tree.number("MAXIMUM", counts[1], counts[2]))
