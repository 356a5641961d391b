# A talking head in Godot 4: deforms splats by the compute passes of deform_passes.glsl and draws them into a transparent viewport of its own.
# All arithmetic is in the two shaders; this script loads arrays, fills one buffer a frame, dispatches and sorts.
class_name SplatAvatar
extends SubViewport

@export var listing := "res://head.json" # of samples/engines/deform_buffers.py
@export var numbers := "res://head.bin"
@export var camera: Camera3D # whose view is drawn; the avatar stands at the origin, +Z front

const TEXELS := 1024 # width of the textures that the drawing shader reads
const ROWS := 3 # of four floats, for a splat
const STAGES := 3
const THREADS := 64 # of a work group
const BUFFERS: Array[String] = ["pose", "bind_joints", "parents", "matrices", "coefficients", "mesh", "starts", "deltas",
		"posed", "triangles", "bound", "placed"] # by binding

var names: Dictionary
var pose := PackedFloat32Array()
var splats: int
var device: RenderingDevice
var pipeline: RID
var uniforms: RID
var buffers := {}
var placed: ImageTexture
var order: ImageTexture
var drawn := MultiMeshInstance2D.new()


# Expression weights by ARKit's names; usually 0 to 1, not clamped.
func set_expression(expression: String, weight: float) -> void:
	pose[names.expressions.find(expression)] = weight


# Axis-angle in radians about the joint. Godot's frame is the avatar's: right-handed, +Y up, in metres.
func set_joint(joint: String, axis_angle: Vector3) -> void:
	var first: int = names.expressions.size() + 3 * names.joints.find(joint)
	for axis in 3:
		pose[first + axis] = axis_angle[axis]


func _ready() -> void:
	names = JSON.parse_string(FileAccess.get_file_as_string(listing))
	splats = int(names.order.count)
	pose.resize(names.expressions.size() + 3 * names.joints.size() + 3)
	device = RenderingServer.create_local_rendering_device()
	var shader := device.shader_create_from_spirv((load("res://deform_passes.glsl") as RDShaderFile).get_spirv())
	pipeline = device.compute_pipeline_create(shader)
	_make_buffers(shader)
	_make_drawing()


func _process(_delta: float) -> void:
	device.buffer_update(buffers.pose, 0, pose.size() * 4, pose.to_byte_array())
	var list := device.compute_list_begin()
	device.compute_list_bind_compute_pipeline(list, pipeline)
	device.compute_list_bind_uniform_set(list, uniforms, 0)
	for stage in STAGES:
		var counts := PackedInt32Array([stage, names.expressions.size(), names.joints.size(), names.vertices, splats, 0, 0, 0]).to_byte_array()
		device.compute_list_set_push_constant(list, counts, counts.size())
		device.compute_list_dispatch(list, ceili(maxi(int(names.vertices), splats) / float(THREADS)), 1, 1)
		device.compute_list_add_barrier(list)
	device.compute_list_end()
	device.submit()
	device.sync()
	_show(device.buffer_get_data(buffers.placed))


func _make_buffers(shader: RID) -> void:
	var data := FileAccess.get_file_as_bytes(numbers)
	var written := {"pose": pose.size() * 4, "matrices": names.joints.size() * 64, "coefficients": int(names.coefficients) * 4,
			"posed": int(names.vertices) * 16, "placed": _texture_rows(ROWS) * TEXELS * 16}
	var set_of: Array[RDUniform] = []
	for binding in BUFFERS.size():
		var buffer := BUFFERS[binding]
		var bytes := PackedByteArray()
		if buffer in written:
			bytes.resize(written[buffer])
		else:
			var where: Dictionary = names.buffers[buffer]
			bytes = data.slice(int(where.offset), int(where.offset + where.bytes))
		buffers[buffer] = device.storage_buffer_create(bytes.size(), bytes)
		var uniform := RDUniform.new()
		uniform.uniform_type = RenderingDevice.UNIFORM_TYPE_STORAGE_BUFFER
		uniform.binding = binding
		uniform.add_id(buffers[buffer])
		set_of.append(uniform)
	uniforms = device.uniform_set_create(set_of, shader, 0)


func _make_drawing() -> void:
	transparent_bg = true
	var where: Dictionary = names.buffers.colors
	var colors := FileAccess.get_file_as_bytes(numbers).slice(int(where.offset), int(where.offset + where.bytes))
	colors.resize(_texture_rows(1) * TEXELS * 12)
	var height := _texture_rows(1)
	placed = ImageTexture.create_from_image(Image.create_empty(TEXELS, _texture_rows(ROWS), false, Image.FORMAT_RGBAF))
	order = ImageTexture.create_from_image(Image.create_empty(TEXELS, height, false, Image.FORMAT_RF))
	var material := ShaderMaterial.new()
	material.shader = load("res://splats.gdshader")
	material.set_shader_parameter("placed", placed)
	material.set_shader_parameter("order", order)
	material.set_shader_parameter("colors", ImageTexture.create_from_image(Image.create_from_data(TEXELS, height, false, Image.FORMAT_RGBF, colors)))
	drawn.material = material
	drawn.multimesh = MultiMesh.new()
	drawn.multimesh.mesh = _corners()
	drawn.multimesh.instance_count = splats
	for n in splats:
		drawn.multimesh.set_instance_transform_2d(n, Transform2D.IDENTITY)
	add_child(drawn)
	RenderingServer.canvas_item_set_custom_rect(drawn.get_canvas_item(), true, Rect2(Vector2.ZERO, Vector2(size)))


# The equilateral triangle around the unit circle.
func _corners() -> ArrayMesh:
	var arrays := []
	arrays.resize(Mesh.ARRAY_MAX)
	arrays[Mesh.ARRAY_VERTEX] = PackedVector2Array([Vector2(-sqrt(3), -1), Vector2(sqrt(3), -1), Vector2(0, 2)])
	var mesh := ArrayMesh.new()
	mesh.add_surface_from_arrays(Mesh.PRIMITIVE_TRIANGLES, arrays, [], {}, Mesh.ARRAY_FLAG_USE_2D_VERTICES)
	return mesh


func _show(bytes: PackedByteArray) -> void:
	placed.update(Image.create_from_data(TEXELS, _texture_rows(ROWS), false, Image.FORMAT_RGBAF, bytes))
	var from_world := Projection(Transform3D(Basis.from_scale(Vector3(1, -1, -1)), Vector3.ZERO) * camera.global_transform.affine_inverse())
	var focal := 0.5 * size.y / tan(0.5 * deg_to_rad(camera.fov))
	var material := drawn.material as ShaderMaterial
	material.set_shader_parameter("camera_from_world", from_world)
	material.set_shader_parameter("focal", focal)
	material.set_shader_parameter("size", Vector2(size))
	order.update(Image.create_from_data(TEXELS, _texture_rows(1), false, Image.FORMAT_RF, _back_to_front(bytes.to_float32_array())))


# Numbers of splats as floats, the farthest first. Depth and number are packed into one integer each, so that the engine's own sort does the work.
func _back_to_front(rows: PackedFloat32Array) -> PackedByteArray:
	var forward := -camera.global_basis.z
	var keys := PackedInt64Array()
	keys.resize(splats)
	for n in splats:
		var at := 4 * ROWS * n
		var depth := forward.x * rows[at] + forward.y * rows[at + 1] + forward.z * rows[at + 2]
		keys[n] = (int(-depth * 1e5) << 24) + n # steps of 10 micrometres
	keys.sort()
	var found := PackedFloat32Array()
	found.resize(_texture_rows(1) * TEXELS)
	for n in splats:
		found[n] = keys[n] & 0xFFFFFF
	return found.to_byte_array()


func _texture_rows(each: int) -> int:
	return ceili(each * splats / float(TEXELS))
