// The signatures of Unity and gsplat-unity that AvatarDeformer.cs uses, so that a compiler can judge it where neither is.
using System;

namespace UnityEngine {
    public struct Vector3 { public float x, y, z; }
    public class Object { }
    public class Component : Object { public T GetComponent<T>() { return default(T); } }
    public class MonoBehaviour : Component { }
    public class TextAsset : Object { public string text { get { return ""; } } public byte[] bytes { get { return new byte[0]; } } }
    public class RequireComponent : Attribute { public RequireComponent(Type type) { } }
    public static class JsonUtility { public static T FromJson<T>(string json) { return default(T); } }
    public class GraphicsBuffer : IDisposable {
        public enum Target { Structured = 16 }
        public GraphicsBuffer(Target target, int count, int stride) { }
        public void SetData(Array data) { }
        public void SetData(Array data, int sourceStart, int targetStart, int count) { }
        public void Dispose() { }
    }
    public class ComputeShader : Object {
        public int FindKernel(string name) { return 0; }
        public void SetInt(string name, int value) { }
        public void SetBuffer(int kernel, string name, GraphicsBuffer buffer) { }
        public void Dispatch(int kernel, int x, int y, int z) { }
    }
}

namespace Gsplat {
    public abstract class GsplatResource { }
    public class GsplatResourceUncompressed : GsplatResource {
        public UnityEngine.GraphicsBuffer PositionBuffer { get; private set; }
        public UnityEngine.GraphicsBuffer ScaleBuffer { get; private set; }
        public UnityEngine.GraphicsBuffer RotationBuffer { get; private set; }
    }
    public class GsplatRendererImpl { public GsplatResource GsplatResource { get; private set; } }
    public class GsplatRenderer : UnityEngine.MonoBehaviour { }
}
