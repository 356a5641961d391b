// Runs the Niagara function on every splat: corners in Unreal's frame come in, the splat in Unreal's frame goes out.
#include "NiagaraSplat.ush"

StructuredBuffer<float4> Corners;      // three for each splat
StructuredBuffer<float4> Bound;
RWStructuredBuffer<float4> Placed;     // position; orientation xyzw; sigma

[numthreads(1, 1, 1)]
void Niagara(uint3 id : SV_DispatchThreadID) {
    uint n = id.x;
    float3 position, sigma;
    float4 orientation;
    SplatOnTriangle(Corners[3 * n].xyz, Corners[3 * n + 1].xyz, Corners[3 * n + 2].xyz, Bound[3 * n], Bound[3 * n + 1], Bound[3 * n + 2],
                    position, orientation, sigma);
    Placed[3 * n] = float4(position, 0);
    Placed[3 * n + 1] = orientation;
    Placed[3 * n + 2] = float4(sigma, 0);
}
