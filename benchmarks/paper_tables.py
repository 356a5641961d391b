"""The figures that the paper prints (Tables 2 to 5, and 7 of the supplement), and Markdown that sets others beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facecraft4d.toolkit.evaluation.metrics import MEASURES, PAPER, Metric

PRINTED = {"clip_i": "CLIP-I ↑", "id_arcface": "ID ↑", "fid": "FID ↓"}
"""The paper's measures by ours, as it heads them."""
PRINTED_7 = {"psnr_db": "PSNR ↑", "ssim": "SSIM ↑", "lpips_vgg": "LPIPS ↓", "identity_arcface": "ID ↑"}
OTHER = ("id_sface", "fd_inc768")
"""What this toolkit measures beside."""
OTHER_7 = ("lpips_alex", "identity")
BRINGS = {"clip": "--clip", "arcface": "--arcface", "inception_fid": "--inception"}
"""Options that bring a network, by the name of its weights."""

ABLATIONS: dict[str, tuple[str, ...]] = {
    "w/o Warp w/o MA": ("--image-prior.sdxl.no-warp", "--image-prior.sdxl.no-attention"),
    "w/o Warp": ("--image-prior.sdxl.no-warp",),
    "w/o MA": ("--image-prior.sdxl.no-attention",),
    "w/o COIN": ("--training.rates.coin", "0"),
}
"""Options of facecraft4d build that leave out what the paper's row leaves out."""


@dataclass(frozen=True)
class Table:
    """A table of the paper."""

    title: str
    rows: Mapping[str, tuple[float, ...]]
    """Its figures by method, in the order of its measures."""
    group: str = ""
    """Of evaluation/paper/views.py: the pictures that ours are measured on; none where truth is."""
    ablations: tuple[str, ...] = ()
    """Rows that are builds of their own, beside the whole one."""

    @property
    def printed(self) -> Mapping[str, str]:
        """Headings of the paper's measures by ours."""
        return PRINTED if self.group else PRINTED_7

    @property
    def other(self) -> tuple[str, ...]:
        """Measures of ours that the paper has not."""
        return OTHER if self.group else OTHER_7


TABLES: dict[int, Table] = {
    2: Table(
        "Static heads: five viewpoints against the photograph (100 portraits of FFHQ)",
        {
            "GaussianCube": (0.6830, 0.4300, 258.81), "PanoHead": (0.8233, 0.4246, 195.28), "SV3D": (0.7656, 0.4331, 234.86),
            "Portrait3D": (0.7066, 0.3719, 302.74), "FaceCraft4D": (0.8053, 0.5082, 174.36),
        },
        "still",
    ),
    3: Table(
        "Moving heads seen from 60 to 180 degrees",
        {"AniPortrait": (0.4653, 0.4171, 364.99), "Portrait-4D": (0.5236, 0.4592, 248.36), "FaceCraft4D": (0.5737, 0.4602, 201.76)},
        "moving, 60 to 180 degrees",
    ),
    4: Table(
        "Ablation of the image prior: warping and mutual attention (MA)",
        {
            "w/o Warp w/o MA": (0.7328, 0.4787, 182.27), "w/o Warp": (0.7886, 0.4915, 171.08), "w/o MA": (0.8151, 0.4951, 172.43),
            "Full": (0.8162, 0.4984, 166.96),
        },
        "still",
        ("w/o Warp w/o MA", "w/o Warp", "w/o MA"),
    ),
    5: Table(
        "Ablation of COIN on the moving head",
        {"w/o COIN": (0.7688, 0.4952, 144.95), "Full": (0.7729, 0.5010, 142.80)},
        "moving",
        ("w/o COIN",),
    ),
    7: Table(
        "Against pictures of the same head (the paper: MEAD)",
        {
            "Portrait3D": (9.51, 0.5622, 0.5275, 0.2646), "SV3D": (13.54, 0.6893, 0.3174, 0.7622), "PanoHead": (15.37, 0.7342, 0.2104, 0.7981),
            "FaceCraft4D": (15.74, 0.7495, 0.2010, 0.8006),
        },
    ),
}  # fmt: skip
NOTES = (
    "The paper names neither its CLIP nor its ArcFace network, neither angles nor portraits: its figures and ours are comparable in kind, not in value.",
    "Frechet distances of few pictures are large and fall as their number grows: compare those of equal numbers alone. FD-Inc768 is not FID.",
)


def as_markdown(found: Mapping[str, Any]) -> str:
    """The tables of `tables.results`, each with the paper's rows first."""
    head = [
        "# The paper's tables, and ours beside them", "",
        f"Ours: {found['priors']}; {found['portraits']['full']} of {found['given']} portraits built; pictures of {found['size']} pixels, "
        f"moments of the moving head: {found['frames']}. {found['machine']}.", "",
    ]  # fmt: skip
    parts = [_table(int(number), rows, found) for number, rows in found["tables"].items()]
    notes = [f"- {note}" for note in (*NOTES, *found["notes"])]
    return "\n".join([*head, *parts, "## Notes", "", *notes, ""])


def _table(number: int, rows: Mapping[str, Mapping[str, float | None]], found: Mapping[str, Any]) -> str:
    table, metrics = TABLES[number], PAPER if TABLES[number].group else MEASURES
    heads = [*table.printed.values(), *(metrics[name].label for name in table.other)]
    lines = [f"## Table {number}. {table.title}", "", f"| | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    beside = ["not in the paper"] * len(table.other)
    for name, values in table.rows.items():
        lines.append(f"| {name} (paper) | {' | '.join([*map(_number, values), *beside])} |")
    for name, measured in rows.items():
        cells = [_cell(metrics[each], measured[each], found["given"]) for each in (*table.printed, *table.other)]
        lines.append(f"| {'Full' if name == 'full' else name} (ours) | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_absent(number, rows, found)])


def _cell(metric: Metric, value: float | None, portraits: int) -> str:
    """The number, or why there is none."""
    if value is not None:
        return _number(value)
    if "Frechet" in metric.how and portraits < 2:
        return "needs two portraits"
    option = next((BRINGS[name] for name in metric.weights if name in BRINGS), "")
    return f"not measured: {option or 'see the notes'}"


def _number(value: float) -> str:
    """As the paper prints it: shares with four digits, distances with two."""
    return f"{value:.4f}" if abs(value) < 2 else f"{value:.2f}"


def _absent(number: int, rows: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What of ours is not there, in a sentence."""
    missing = [name for name in TABLES[number].ablations if name not in rows]
    if number == 4 and missing:
        why = f"these ablations are options of --image-prior sdxl, and this run's is {found['image_prior']}"
        return [
            f"Not built: {', '.join(missing)}; {why if found['image_prior'] != 'sdxl' else 'no portrait could be'}.",
            "",
        ]
    if number == 7 and not rows:
        return [
            "Not measured: no portrait of the folder has pictures of other views with their cameras (transforms.json).",
            "",
        ]
    return [f"Not built: {', '.join(missing)}.", ""] if missing else []
