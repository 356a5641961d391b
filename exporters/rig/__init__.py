"""The format rig: splats that move without triangles, by deltas and joint weights, with their own error."""
