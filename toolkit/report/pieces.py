"""Pieces of a page that needs nothing but itself: sections, galleries of pictures, tables; every text in them is escaped."""

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence
from string import Template

from facecraft4d.toolkit.images import encoded
from facecraft4d.toolkit.report.figures import Rgb


def paragraphs(notes: Iterable[str]) -> str:
    """One each."""
    return "".join(f"<p>{html.escape(note)}</p>" for note in notes)


def section(title: str, body: str) -> str:
    """With a heading; the body is HTML."""
    return f"<section><h2>{html.escape(title)}</h2>{body}</section>"


def gallery(pictures: Sequence[tuple[str, Rgb]], style: str = "small") -> str:
    """Pictures with their captions; the style is one of the page's classes."""
    cells = "".join(
        f'<figure><img alt="{html.escape(name)}" src="{_data_uri(image)}"><figcaption>{html.escape(name)}</figcaption></figure>'
        for name, image in pictures
    )
    return f'<div class="gallery {style}">{cells}</div>'


def _data_uri(image: Rgb) -> str:
    return "data:image/jpeg;base64," + b64encode(encoded(image)).decode()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """With a line of headings."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(text: str) -> str:
    style = f' class="{text}"' if text in ("met", "missed") else ""
    return f"<td{style}>{html.escape(text)}</td>"


PAGE = Template(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1d2026; --paper: #fafaf8; --line: #dcdcd6; --soft: #6a6d75; --good: #14734b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e4; --paper: #17181b; --line: #35373d; --soft: #9a9da5; --good: #5fcf9b; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .9rem; padding-top: .9rem; border-top: 1px solid var(--line); }
.gallery { display: grid; gap: .6rem; margin-bottom: 1rem; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
.gallery.tiny { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: .35rem; }
.gallery.medium { grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); }
.gallery.large { grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 6px; background: #fff; }
figcaption { font-size: .78rem; color: var(--soft); text-align: center; padding-top: .2rem; overflow-wrap: anywhere; }
.gallery.plots { grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; margin-bottom: 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; }
td { font-variant-numeric: tabular-nums; }
td.met { color: var(--good); font-weight: 600; }
td.missed { color: var(--bad); font-weight: 600; }
</style>
</head>
<body>
<h1>$title</h1>
$sections
<!-- evaluation --><!-- evaluation -->
</body>
</html>
"""
)
