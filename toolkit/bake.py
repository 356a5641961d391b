"""Trained splats and the reference view's offsets become the avatar; the network is dropped (paper, section 3.4, inference)."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.asset import Avatar, Provenance, Texture, check_avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Head
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.trained import CoinNetwork, TrainedHead


def color_offsets(coin: CoinNetwork, colors: Float32[np.ndarray, "n 3"], view: int) -> Float32[np.ndarray, "n 3"]:
    """Offset of every splat's colour in one view: the numpy twin of the network that training uses."""
    hidden = colors @ coin.hidden_from_color.T + coin.gaussian_embeddings @ coin.hidden_from_gaussian.T
    hidden += coin.hidden_from_view @ coin.view_embeddings[view] + coin.hidden_bias
    return np.asarray(np.maximum(hidden, 0) @ coin.offset_from_hidden.T + coin.offset_bias, np.float32)


def run(trained: TrainedHead, head: Head, provenance: Provenance) -> Avatar:
    """The avatar that looks like the trained model under the reference view's embedding, with the head's mesh for those who draw no splats.

    Splats keep the order of training: the first K of a file are the best that K can show.
    """
    whole, *levels = (_with_offsets(splats, trained) for splats in (trained.splats, *trained.levels))
    texture = Texture(head.mesh.corner_uvs, to_bytes(head.mesh.texture))
    avatar = Avatar(head.rig, whole, provenance, tuple(levels), texture)
    check_avatar(avatar)
    return avatar


def _with_offsets(splats: BoundSplats, trained: TrainedHead) -> BoundSplats:
    """The first splats of the whole or all, in the reference view's colours."""
    embeddings = trained.coin.gaussian_embeddings[: len(splats.colors)]
    coin = replace(trained.coin, gaussian_embeddings=embeddings)
    return replace(splats, colors=splats.colors + color_offsets(coin, splats.colors, trained.reference_view))
