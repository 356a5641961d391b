"""Differentiable Gaussian splatting: `rasterize` has gsplat's call, `cpu` draws without torch, `reference` is the readable twin."""
