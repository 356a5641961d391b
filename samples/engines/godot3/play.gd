# Poses the rig of avatar.glb: godot3-server --path FOLDER -s play.gd
# Reads job.json, writes each pose's vertices (float32 x, y, z) beside it and prints what is in the scene, what moves and what a frame costs.
extends SceneTree

func _init():
	var file = File.new()
	file.open("res://job.json", File.READ)
	var poses = JSON.parse(file.get_as_text()).result
	var root = load("res://avatar.glb").instance()
	get_root().add_child(root)  # outside of a tree a skeleton does not follow its bones
	print_tree(root, 0)
	var head = found(root, "MeshInstance", "HeadRig")
	var skeleton = found(root, "Skeleton", "")
	var rest = vertices(head, skeleton)
	for name in poses:
		pose(head, skeleton, poses[name])
		var start = OS.get_ticks_usec()
		var posed = vertices(head, skeleton)
		var milliseconds = (OS.get_ticks_usec() - start) / 1000.0
		save("res://%s.bin" % name, posed)
		print("pose %s moved %d vertices of %d, in %.1f ms" % [name, moved(rest, posed), posed.size(), milliseconds])
	play(root, head, skeleton, rest)
	quit()

# The file's own clip, half way through: what a game does with the AnimationPlayer.
func play(root, head, skeleton, rest):
	var player = found(root, "AnimationPlayer", "")
	if player == null:
		return
	var name = player.get_animation_list()[0]
	player.play(name)
	player.seek(player.get_animation(name).length / 2.0, true)
	print("clip %s moved %d vertices" % [name, moved(rest, vertices(head, skeleton))])

# Weights of blend shapes, and turns of bones: axis times angle, relative to the parent.
func pose(head, skeleton, to):
	for index in range(head.mesh.get_blend_shape_count()):
		var name = head.mesh.get_blend_shape_name(index)
		head.set("blend_shapes/" + name, to["expressions"].get(name, 0.0))
	for bone in range(skeleton.get_bone_count()):
		var turn = to["joints"].get(skeleton.get_bone_name(bone), [0, 0, 0])
		var axis = Vector3(turn[0], turn[1], turn[2])
		var basis = Basis(axis.normalized(), axis.length()) if axis.length() > 0 else Basis()
		var moves = to["translation"] if skeleton.get_bone_parent(bone) < 0 else [0, 0, 0]
		skeleton.set_bone_pose(bone, Transform(basis, Vector3(moves[0], moves[1], moves[2])))

# What the engine's vertex shader makes of its own arrays, weights and bones; the server has no graphics card to ask.
func vertices(head, skeleton):
	var arrays = head.mesh.surface_get_arrays(0)
	var posed = shaped(head, arrays[Mesh.ARRAY_VERTEX])
	var bones = arrays[Mesh.ARRAY_BONES]
	var weights = arrays[Mesh.ARRAY_WEIGHTS]
	var transforms = []
	for bind in range(head.skin.get_bind_count()):
		var bone = head.skin.get_bind_bone(bind)
		if bone < 0:
			bone = skeleton.find_bone(head.skin.get_bind_name(bind))
		transforms.append(skeleton.get_bone_global_pose(bone) * head.skin.get_bind_pose(bind))
	for index in range(posed.size()):
		var sum = Vector3()
		for influence in range(4 * index, 4 * index + 4):
			if weights[influence] > 0:
				sum += weights[influence] * transforms[bones[influence]].xform(posed[index])
		posed[index] = sum
	return posed

# Godot 3 keeps a blend shape as the vertices at weight 1 (mode "normalized"); the rest counts for what the weights leave.
func shaped(head, rest):
	var shapes = head.mesh.surface_get_blend_shape_arrays(0)
	var posed = PoolVector3Array(rest)
	for shape in range(shapes.size()):
		var weight = head.get("blend_shapes/" + head.mesh.get_blend_shape_name(shape))
		if weight == 0:
			continue
		var target = shapes[shape][Mesh.ARRAY_VERTEX]
		for index in range(posed.size()):
			posed[index] += weight * (target[index] - rest[index])
	return posed

func moved(rest, posed):
	var count = 0
	for index in range(rest.size()):
		if rest[index].distance_to(posed[index]) > 0.0001:
			count += 1
	return count

func save(path, points):
	var file = File.new()
	file.open(path, File.WRITE)
	for point in points:
		for axis in range(3):
			file.store_float(point[axis])
	file.close()

func found(node, kind, name):
	if node.get_class() == kind and (name == "" or node.name == name):
		return node
	for child in node.get_children():
		var inside = found(child, kind, name)
		if inside != null:
			return inside
	return null

func print_tree(node, depth):
	var line = "  ".repeat(depth) + node.get_class() + " " + node.name
	if node.get_class() == "MeshInstance":
		line += ", %d blend shapes" % node.mesh.get_blend_shape_count()
	if node.get_class() == "Skeleton":
		line += ", %d bones" % node.get_bone_count()
	if node.get_class() == "AnimationPlayer":
		line += ", %s" % PoolStringArray(node.get_animation_list()).join(" ")
	print(line)
	for child in node.get_children():
		print_tree(child, depth + 1)
