"""PanoHead on the device: golden vectors at full size, then what views, depths and steps of inversion cost."""

from collections.abc import Callable

import torch
from gpu.measure import compare, exact_products, milliseconds, peak_of
from gpu.networks import head_generator, stored
from gpu.results import Found
from torch import Tensor

from facecraft4d.toolkit.shape_prior.panohead import volume
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator

LIMITS = {
    "w_frontal": 1e-5, "planes_slice": 1e-4, "bcg_slice": 1e-4, "points_sigma": 1e-3,
    "image_raw": 1e-3, "image_mask": 1e-4, "image_depth": 1e-3, "crop64_y200_x220": 1e-3,
}  # fmt: skip
"""Of the golden vectors' own notes: another order of sums moves the values by a tenth of it."""
MISSES = 0.001
"""Share of pixels where a sample lies within rounding of the crop's boundary."""
HEAD = 0.01
"""Mask from which a depth means something."""
VIEWS = ("frontal", "yaw60")
CROP = (200, 264), (220, 284)
"""Rows and columns of the picture of 512 pixels that the vectors hold."""


def check_heads(generator: Generator, published: bool, device: str, found: Found) -> None:
    """Pictures, depths and what they are made of against the stored ones. Raises Missed; a narrow generator is compared with itself on the processor."""
    inputs = stored("panohead_golden")
    wanted = inputs if published else shown(head_generator(False), inputs, "cpu")
    with exact_products():
        drawn = shown(generator, inputs, device)
    for view in VIEWS:
        beside = wanted[f"{view}_image_mask"] <= HEAD
        for each in (drawn, wanted):
            each[f"{view}_image_depth"] = each[f"{view}_image_depth"].cpu().masked_fill(beside, 0)
    compare(drawn, wanted, LIMITS, MISSES, found)


@torch.no_grad()
def shown(generator: Generator, inputs: dict[str, Tensor], device: str) -> dict[str, Tensor]:
    """What the generator makes of the stored latent and cameras, by the names of the golden vectors."""
    z, points = (inputs[name].to(device) for name in ("z", "points_xyz"))
    cameras = {view: inputs[f"c_{view}"].to(device) for view in VIEWS}
    ws = generator.mapping(z[:, : generator.architecture.z_size], cameras["frontal"])
    grids, background = generator.grids(ws), generator.background(ws)
    planes = grids.flatten(1, 3)[0]
    found = {
        "w_frontal": ws[0, 0], "planes_slice": planes[::12, 100:108, 120:128], "bcg_slice": background[0, ::4, 60:68, 60:68],
        "points_sigma": volume.query(grids, generator.decoder, points[None], 1.0)[0][0],
    }  # fmt: skip
    side = generator.architecture.resolution
    rows, columns = (slice(first * side // 512, last * side // 512) for first, last in CROP)
    for view, camera in cameras.items():
        picture = generator.picture(grids, background, ws, camera)
        found |= {
            f"{view}_image_raw": picture.raw[0], f"{view}_image_mask": picture.mask[0], f"{view}_image_depth": picture.distance[0],
            f"{view}_image_crop64_y200_x220": picture.image[0, :, rows, columns],
        }  # fmt: skip
    return found


def measure_views(
    generator: Generator, depth_rays: int, device: str, times: int, within: Callable[[], None], found: Found
) -> None:
    """Milliseconds of what is made once for a head, of a view and of a depth map with `depth_rays` a side; the most memory."""
    camera = stored("panohead_golden")["c_yaw60"].to(device)
    with torch.no_grad(), peak_of(found, "peak_gib"):
        ws = generator.w_avg.expand(1, generator.ws_count, -1)
        grids, background = generator.grids(ws), generator.background(ws)
        found["planes_ms"] = milliseconds(lambda: (generator.grids(ws), generator.background(ws)), device, times)
        within()
        found["view_ms"] = milliseconds(lambda: generator.picture(grids, background, ws, camera), device, times)
        within()
        found["depth_ms"] = milliseconds(lambda: generator.render(grids, camera, depth_rays), device, times)
