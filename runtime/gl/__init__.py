"""How OpenGL draws heads: who poses and sorts their splats, and the triangles that show them."""
