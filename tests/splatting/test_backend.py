"""Threads, batches, packing and channels change the layout of a picture and never its numbers."""

import numba
import torch
from splat_scenes import SIZE, camera, leaves, splats

from facecraft4d.toolkit.splatting.rasterize import rasterization


def test_same_bits_again_and_with_other_threads() -> None:
    scene, results = splats(300, 10, torch.float32), []
    viewmats, Ks = camera(64, 64, dtype=torch.float32)
    threads = numba.get_num_threads()
    for count in (threads, threads, 1):
        numba.set_num_threads(count)
        ours = leaves(scene)
        image, alpha, _ = rasterization(**ours, viewmats=viewmats, Ks=Ks, width=64, height=64)
        (image.square().sum() + alpha.sum()).backward()
        results.append([image.detach(), alpha.detach(), *(t.grad for t in ours.values())])
    numba.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_packing_and_batches_change_only_the_layout() -> None:
    scenes = [splats(20, seed) for seed in (11, 12)]
    viewmats, Ks = (t.repeat(3, 1, 1) for t in camera(SIZE, SIZE))
    viewmats[1:, 0, 3] = torch.tensor([0.4, 5.0])
    batch = {name: torch.stack([s[name] for s in scenes]) for name in scenes[0]}
    cameras = {"viewmats": viewmats.expand(2, 3, 4, 4), "Ks": Ks.expand(2, 3, 3, 3), "width": SIZE, "height": SIZE}
    packed_scene, full_scene = leaves(batch), leaves(batch)
    packed, full = rasterization(**packed_scene, **cameras), rasterization(**full_scene, **cameras, packed=False)
    for results in (packed, full):
        results[2]["means2d"].retain_grad()
        (results[0].square().sum() + results[1].sum()).backward()
    single = rasterization(**scenes[1], viewmats=viewmats[1:2], Ks=Ks[1:2], width=SIZE, height=SIZE)[0]
    assert torch.equal(packed[0], full[0]) and torch.equal(packed[0][1, 1], single[0])
    for name in batch:
        assert torch.equal(packed_scene[name].grad, full_scene[name].grad)  # type: ignore[arg-type]
    meta, whole = packed[2], full[2]
    where = meta["batch_ids"], meta["camera_ids"], meta["gaussian_ids"]
    assert whole["means2d"].shape == (2, 3, 20, 2) and meta["n_cameras"] == 3 and meta["n_batches"] == 2
    for name in ("radii", "depths", "conics", "opacities", "means2d"):
        assert torch.equal(meta[name], whole[name][where])
    assert torch.equal(meta["means2d"].grad, whole["means2d"].grad[where])


def test_channels_are_independent() -> None:
    scene = splats(25, 14, torch.float32, 7)
    viewmats, Ks = camera(SIZE, SIZE, dtype=torch.float32)
    cameras = {"viewmats": viewmats, "Ks": Ks, "width": SIZE, "height": SIZE}
    image = rasterization(**scene, **cameras)[0]
    part = rasterization(**(scene | {"colors": scene["colors"][:, 4:]}), **cameras)[0]
    assert torch.equal(image[..., 4:], part)
