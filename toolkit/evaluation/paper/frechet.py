"""Frechet distance of two sets of features: of the normal distributions with their means and covariances (Heusel et al. 2017, equation 6)."""

import numpy as np
from jaxtyping import Float


def frechet_distance(first: Float[np.ndarray, "n d"], second: Float[np.ndarray, "m d"]) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 sqrt(C1 C2)), covariances over N - 1. ValueError unless both sets have two rows.

    The square root's trace is the sum of the singular values of A1 A2^T, where C = A^T A with A the centred rows over sqrt(N - 1): exact however few
    rows there are, and no matrix of d x d is made.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"sets must have two rows at least, got {len(first)} and {len(second)}")
    wide = [np.asarray(each, np.float64) for each in (first, second)]
    means = [each.mean(0) for each in wide]
    roots = [(each - mean) / np.sqrt(len(each) - 1) for each, mean in zip(wide, means, strict=True)]
    spread = sum(float((root**2).sum()) for root in roots)
    shared = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    return float(((means[0] - means[1]) ** 2).sum()) + spread - 2 * shared
