// Moves the splats of a GsplatRenderer (gsplat-unity 1.3.0, asset imported as Uncompressed) by an avatar's expressions and joints.
// All arithmetic is in DeformPasses.compute; this file loads arrays, fills one buffer a frame and dispatches.
using System;
using System.Collections.Generic;
using System.Reflection;
using Gsplat;
using UnityEngine;

[RequireComponent(typeof(GsplatRenderer))]
public class AvatarDeformer : MonoBehaviour {
    public ComputeShader passes;
    public TextAsset listing; // NAME.json of samples/engines/deform_buffers.py
    public TextAsset numbers; // NAME.bin, renamed to NAME.bytes so that Unity imports it

    const int Threads = 64; // of a work group
    const int FloatBytes = 4, RowBytes = 16, Rows = 3; // a splat and a vertex are three rows of four floats

    readonly Dictionary<string, GraphicsBuffer> buffers = new Dictionary<string, GraphicsBuffer>();
    AvatarListing avatar;
    float[] pose;
    int splats;

    // Expression weights by ARKit's names; usually 0 to 1, not clamped.
    public void SetExpression(string name, float weight) {
        pose[IndexOf(avatar.expressions, name)] = weight;
    }

    // Axis-angle in radians about the joint, in the avatar's frame: +Y up, +Z front, right-handed.
    public void SetJoint(string name, Vector3 axisAngle) {
        Write(avatar.expressions.Length + 3 * IndexOf(avatar.joints, name), axisAngle);
    }

    // Metres, in the avatar's frame.
    public void SetTranslation(Vector3 metres) {
        Write(pose.Length - 3, metres);
    }

    void Awake() {
        avatar = JsonUtility.FromJson<AvatarListing>(listing.text);
        splats = avatar.order.count;
        pose = new float[avatar.expressions.Length + 3 * avatar.joints.Length + 3];
        byte[] data = numbers.bytes;
        Load("BindJoints", avatar.buffers.bind_joints, data, FloatBytes);
        Load("Parents", avatar.buffers.parents, data, FloatBytes);
        Load("Mesh", avatar.buffers.mesh, data, RowBytes);
        Load("Starts", avatar.buffers.starts, data, FloatBytes);
        Load("Deltas", avatar.buffers.deltas, data, RowBytes);
        Load("Triangles", avatar.buffers.triangles, data, FloatBytes);
        Load("Bound", avatar.buffers.bound, data, RowBytes);
        Reserve("Pose", pose.Length, FloatBytes);
        Reserve("Matrices", Rows * avatar.joints.Length, RowBytes);
        Reserve("Coefficients", avatar.coefficients, FloatBytes);
        Reserve("Posed", avatar.vertices, RowBytes);
        Reserve("Placed", Rows * splats, RowBytes);
        passes.SetInt("Expressions", avatar.expressions.Length);
        passes.SetInt("Joints", avatar.joints.Length);
        passes.SetInt("Vertices", avatar.vertices);
        passes.SetInt("SplatCount", splats);
    }

    void LateUpdate() {
        if (!(Resource() is GsplatResourceUncompressed target) || target.PositionBuffer == null) return; // not uploaded yet, or packed
        buffers["PositionBuffer"] = target.PositionBuffer;
        buffers["RotationBuffer"] = target.RotationBuffer;
        buffers["ScaleBuffer"] = target.ScaleBuffer;
        buffers["Pose"].SetData(pose);
        Dispatch("TurnJoints", 1);
        Dispatch("PoseVertices", avatar.vertices);
        Dispatch("PlaceSplats", splats);
        Dispatch("CopyToGsplat", splats);
    }

    void OnDestroy() {
        foreach (var pair in buffers)
            if (!pair.Key.EndsWith("Buffer", StringComparison.Ordinal)) pair.Value.Dispose(); // those are gsplat-unity's own
    }

    // gsplat-unity keeps its renderer to itself.
    object Resource() {
        var gsplat = GetComponent<GsplatRenderer>();
        var field = typeof(GsplatRenderer).GetField("m_renderer", BindingFlags.NonPublic | BindingFlags.Instance);
        return (field.GetValue(gsplat) as GsplatRendererImpl)?.GsplatResource;
    }

    void Dispatch(string kernel, int count) {
        int index = passes.FindKernel(kernel);
        foreach (var pair in buffers) passes.SetBuffer(index, pair.Key, pair.Value);
        passes.Dispatch(index, (count + Threads - 1) / Threads, 1, 1);
    }

    void Load(string name, Span where, byte[] data, int stride) {
        var buffer = Reserve(name, Math.Max(where.bytes / stride, 1), stride);
        buffer.SetData(data, where.offset, 0, where.bytes);
    }

    GraphicsBuffer Reserve(string name, int count, int stride) {
        return buffers[name] = new GraphicsBuffer(GraphicsBuffer.Target.Structured, count, stride);
    }

    void Write(int at, Vector3 value) {
        pose[at] = value.x;
        pose[at + 1] = value.y;
        pose[at + 2] = value.z;
    }

    static int IndexOf(string[] names, string name) {
        int found = Array.IndexOf(names, name);
        if (found < 0) throw new ArgumentException($"the avatar has no {name}; it has {string.Join(", ", names)}");
        return found;
    }

    [Serializable] class Span { public int offset; public int bytes; }
    [Serializable] class Order { public int count; public string sha256; }
    [Serializable] class AvatarBuffers { public Span bind_joints, parents, mesh, starts, deltas, triangles, bound, colors; }
    [Serializable] class AvatarListing {
        public string[] expressions, joints;
        public int vertices, coefficients;
        public Order order;
        public AvatarBuffers buffers;
    }
}
