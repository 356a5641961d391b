"""Texts of strangers: one line, nothing in it acts, none is endless."""

from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.text import as_bytes, shown


@given(st.text(st.characters(codec=None), max_size=60))
def test_whatever_a_text_holds_its_line_is_fit_for_a_terminal(text: str) -> None:
    line = shown(text)
    assert line.isprintable() and "\n" not in line
    assert shown(line) == line
    line.encode()


def test_what_acts_is_visible_and_what_is_written_stays() -> None:
    assert shown("\x1b[2Jyes\x07") == r"\x1b[2Jyes\x07"
    assert shown("a\u202eb\u200bc") == r"a\u202eb\u200bc"
    assert shown("Zoë Ångström 顔 🙂\n  second line") == "Zoë Ångström 顔 🙂 second line"
    assert shown("caf\udce9.jpg") == r"caf\udce9.jpg"


def test_an_endless_text_is_cut() -> None:
    assert len(shown("x" * 10_000_000, 80)) == 80
    assert len(str(UserError("y" * 15_000_000))) == 2000
    assert len(shown("\x1b" * 5000)) == 2000


def test_a_name_that_is_no_text_can_be_written() -> None:
    assert as_bytes("caf\udce9") == rb"caf\udce9"
    assert as_bytes("Zoë").decode() == "Zoë"
