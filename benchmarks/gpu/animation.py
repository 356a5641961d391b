"""LivePortrait on the device: golden vectors at full size, how far half precision is from single, what a frame costs."""

import copy
from collections.abc import Callable
from dataclasses import fields

import torch
from gpu.measure import compare, exact_products, milliseconds, peak_of
from gpu.networks import animator, stored
from gpu.results import Found, demand
from torch import Tensor

from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks

LIMITS = {
    "pitch": 5e-5, "yaw": 5e-5, "roll": 5e-5, "kp": 5e-6, "exp": 5e-6, "F_slice": 2e-4, "W_deformation_every4": 5e-5, "W_occlusion": 5e-5,
    "W_out_slice": 2e-4, "G_crop64_y200_x220": 1e-3,
}  # fmt: skip
"""Of the golden vectors' own notes."""
HALF_MEAN = 0.02
"""Mean distance of half precision's picture from single precision's, colours from 0 to 1: beyond it half is no choice."""


def check_animation(networks: Networks, published: bool, device: str, found: Found) -> None:
    """Motion, volume, deformation and picture against the stored ones. Raises Missed; narrow networks are compared with themselves on the
    processor."""
    inputs = stored("liveportrait_networks") | {
        "driven": stored("liveportrait_driving")["drive_exp_relative_expressionfriendly"][1:]
    }
    wanted = inputs if published else shown(animator(False), inputs, "cpu")
    with exact_products():
        drawn = shown(networks, inputs, device)
    compare(drawn, wanted, LIMITS, 0.0, found)


@torch.inference_mode()
def shown(networks: Networks, inputs: dict[str, Tensor], device: str) -> dict[str, Tensor]:
    """What the networks make of the stored picture, by the names of the golden vectors."""
    picture = inputs["img_src_u8"].to(device).permute(2, 0, 1)[None] / 255
    raw, volume = networks.motion(picture), networks.appearance(picture)
    count = raw.keypoints.shape[1]
    warped = networks.warping(volume, *(inputs[name].to(device)[:, :count] for name in ("driven", "x_src")))
    return {
        "M_raw_src_pitch": raw.pitch, "M_raw_src_yaw": raw.yaw, "M_raw_src_roll": raw.roll, "M_src_kp": raw.keypoints, "M_src_exp": raw.expression,
        "F_slice": volume[0, ::4, min(5, volume.shape[2] - 1), 20:28, 30:38], "W_deformation_every4": warped.deformation[0, ::4, ::4, ::4], "W_occlusion": warped.occlusion[0, 0],
        "W_out_slice": warped.features[0, ::16, 24:32, 24:32], "G_crop64_y200_x220": networks.generator(warped.features)[0, :, 200:264, 220:284],
    }  # fmt: skip


def on(networks: Networks, device: str, dtype: torch.dtype = torch.float32) -> Networks:
    """A copy on the device in that precision."""
    return Networks(*(copy.deepcopy(getattr(networks, each.name)).to(device, dtype) for each in fields(networks)))


class Scene:
    """A source and where its keypoints go, in the networks' precision."""

    def __init__(self, networks: Networks, device: str, dtype: torch.dtype) -> None:
        inputs = stored("liveportrait_networks")
        self.networks = networks
        self.picture = (inputs["img_src_u8"].to(device).permute(2, 0, 1)[None] / 255).to(dtype)
        self.volume = networks.appearance(self.picture)
        count = networks.motion(self.picture).keypoints.shape[1]
        driven = stored("liveportrait_driving")["drive_exp_relative_expressionfriendly"][1:]
        self._driven, self._source = (each[:, :count].to(device, dtype) for each in (driven, inputs["x_src"]))

    def frames(self, batch: int) -> Tensor:
        """Pictures of as many sources at once."""
        volume, driven, source = (
            each.expand(batch, *each.shape[1:]) for each in (self.volume, self._driven, self._source)
        )
        picture: Tensor = self.networks.generator(self.networks.warping(volume, driven, source).features)
        return picture


@torch.no_grad()
def measure_animation(
    networks: Networks, batch: int, device: str, half: torch.dtype, times: int, within: Callable[[], None], found: Found
) -> None:
    """Milliseconds a source and a frame, alone and `batch` at once, in both precisions; the most memory; how far apart their pictures are.

    `half` is the other precision: float16 on a GPU, for which the processor has no kernels.
    """
    found["batch"] = batch
    pictures = []
    for name, dtype in (("single", torch.float32), ("half", half)):
        row = found[name] = {}
        scene = Scene(on(networks, device, dtype), device, dtype)
        row["motion_ms"] = milliseconds(lambda: scene.networks.motion(scene.picture), device, times)  # noqa: B023
        row["volume_ms"] = milliseconds(lambda: scene.networks.appearance(scene.picture), device, times)  # noqa: B023
        for count, how in ((1, "alone"), (batch, "batch")):
            within()
            with peak_of(row, f"{how}_peak_gib"):
                row[f"{how}_frame_ms"] = milliseconds(lambda: scene.frames(count), device, times) / count  # noqa: B023
        pictures.append(scene.frames(1).float().cpu())
    off = (pictures[0] - pictures[1]).abs()
    found["apart"] = {"max": float(off.max()), "mean": float(off.mean()), "limit": HALF_MEAN}
    demand(found["apart"]["mean"] <= HALF_MEAN, f"half precision is off by {found['apart']['mean']:.3f} in the mean")
