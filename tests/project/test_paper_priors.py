"""The page on files that users bring says of each what the table of weights says."""

import pytest
from places import ROOT

from facecraft4d.toolkit.weights import TABLE, BroughtWeights

PAGE = (ROOT / "docs" / "paper_priors.md").read_text(encoding="utf-8")
BROUGHT = {row.name: row for row in TABLE if isinstance(row, BroughtWeights)}


@pytest.mark.parametrize("name", BROUGHT)
def test_every_file_is_on_the_page_as_in_the_table(name: str) -> None:
    """One line with licence, whether it may be sold, option, variable, and where to ask."""
    row = BROUGHT[name]
    lines = [
        line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |") and row.environment_variable in line
    ]
    assert len(lines) == 1
    cells = [cell.strip() for cell in lines[0].strip("|").split(" | ")]
    assert len(cells) == 8 and row.ask in cells[2]
    assert cells[4] == row.licence and cells[5].strip("*").startswith(str(row.commercial_use))
    assert cells[6] == f"`{row.option}`" and cells[7] == f"`{row.environment_variable}`"


def test_what_the_page_names_is_in_the_table() -> None:
    named = [
        line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `") and "FACECRAFT4D_WEIGHTS_" in line
    ]
    assert len(set(named)) == len(named) and set(BROUGHT) <= set(named)
