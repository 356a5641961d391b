"""Puts a benchmark's table into a page of the documentation."""

from pathlib import Path

FIRST, LAST = "<!-- table -->", "<!-- end -->"
"""Lines around the table."""


def put_table(page: Path, text: str) -> None:
    """Replace what stands between the two lines."""
    before, _, rest = page.read_text().partition(FIRST)
    page.write_text(f"{before}{FIRST}\n{text}\n{LAST}{rest.partition(LAST)[2]}")
