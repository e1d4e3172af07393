"""docs/coverage.md says which test holds which row, and knows a row from a word that looks like one."""

from pathlib import Path
from textwrap import dedent

import pytest
from tests.coverage import ROOT, ids, main, requirements

ROWS = """\
# What it must do

A **job** is what a customer orders.

## A. Orders

| id | requirement |
|---|---|
| A1 | A customer orders. Then `it. is` kept. |
| A2 | `booking:new` `{id, "Saved. Wait..."}` is said, once. And no more. |
| A3 | No full stop |

## B. Offers

| id | requirement |
|---|---|
| B1 | A driver is asked. |
| B12 | The answer is kept. |
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/requirements.md").write_text(ROWS)
    return tmp_path


def holds(tree: Path, path: str, code: str) -> None:
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(code))


def written(tree: Path) -> dict[str, str]:
    """First word of a line → the line."""
    main([str(tree / "docs/coverage.md")], tree)
    lines = (tree / "docs/coverage.md").read_text().splitlines()
    return {line.removeprefix("| ").split(" ")[0]: line for line in lines if line}


def test_a_row_names_the_tests_that_claim_it(tree: Path) -> None:
    holds(tree, "services/booking/tests/test_b.py", 'async def test_second():\n    """A2, B12: kept"""')
    holds(tree, "libs/wire/tests/deep/test_a.py", 'def test_first():\n    """How a letter goes (A2)."""')
    holds(tree, "tools/city/tests/test_c.py", 'def test_tool():\n    """B1."""')
    holds(tree, "tests/e2e/test_d.py", 'def test_whole():\n    """`A1`/A3"""')
    lines = written(tree)
    wire, booking = "libs/wire/tests/deep/test_a.py", "services/booking/tests/test_b.py"
    links = f"[{wire}::test_first](../{wire})<br>[{booking}::test_second](../{booking})"
    assert lines["A2"] == f'| A2 | `booking:new` `{{id, "Saved. Wait..."}}` is said, once. | {links} |'
    assert lines["A1"].startswith("| A1 | A customer orders. | [tests/e2e/test_d.py::test_whole]")
    assert lines["A3"].startswith("| A3 | No full stop | [tests/e2e/test_d.py::test_whole]")
    assert "tools/city/tests/test_c.py::test_tool" in lines["B1"]
    assert lines["**5"] == "**5 of 5 rows have tests.**"


def test_a_row_without_a_test_says_so(tree: Path) -> None:
    holds(tree, "tests/test_a.py", 'def test_one():\n    """A1"""')
    lines = written(tree)
    assert lines["B12"] == "| B12 | The answer is kept. | none yet |"
    assert lines["**1"] == "**1 of 5 rows have tests.**"
    assert [lines["1"], lines["0"]] == ["1 of 3 rows.", "0 of 2 rows."]


def test_a_range_claims_every_row_in_it(tree: Path) -> None:
    holds(tree, "tests/test_a.py", 'def test_one():\n    """A1–A3: all of it"""')
    lines = written(tree)
    assert all("tests/test_a.py::test_one" in lines[row] for row in ("A1", "A2", "A3"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A1-A3, B2–4", ["A1", "A2", "A3", "B2", "B3", "B4"]),
        ("A5: after A5 (E1).", ["A5", "E1"]),
        ("H3 and E2E, UTF8, B2B, A100, xA1, A1x, A_1, A1_, -A1, A1-style", []),
        ("a1 b2", []),
        ("B3–B1 and A2–B4", ["B3–B1", "A2–B4"]),
    ],
)
def test_an_id_stands_alone(text: str, found: list[str]) -> None:
    assert ids(text) == found


def test_only_what_is_collected_speaks_and_only_for_itself(tree: Path) -> None:
    code = '''
    """A1: a module's docstring claims nothing."""

    def helper():
        """A1"""

    def test_outer():
        """B1"""
        def test_inner():
            """A1"""

    class Test:
        """A2"""
        def test_method(self):
            """A3"""
    '''
    holds(tree, "tests/test_a.py", code)
    holds(tree, "tests/conftest.py", 'def test_nothing():\n    """A1"""')
    lines = written(tree)
    assert lines["A1"].endswith("none yet |")
    assert "[tests/test_a.py::Test](" in lines["A2"]
    assert "[tests/test_a.py::Test::test_method](" in lines["A3"]


def test_of_many_tests_the_first_six_are_named(tree: Path) -> None:
    for count, path in ((6, "tests/test_a.py"), (1, "tests/test_b.py")):
        tests = [f'def test_{n}():\n    """A1{", B1" if count == 6 else ""}"""' for n in range(count)]
        holds(tree, path, "\n".join(tests))
    lines = written(tree)
    assert "7 tests, the first 6:<br>[tests/test_a.py::test_0]" in lines["A1"]
    assert "test_b.py" not in lines["A1"]
    assert lines["B1"].count("<br>") == 5


@pytest.mark.parametrize("claim", ["A4", "B1-B3", "A3–A1", "A1–B1"])
def test_a_claim_to_no_row_is_an_error_with_its_place(tree: Path, claim: str) -> None:
    holds(tree, "tests/test_a.py", f'def test_one():\n    """A1"""\n\ndef test_two():\n    """{claim}"""')
    with pytest.raises(SystemExit) as stopped:
        main([str(tree / "docs/coverage.md")], tree)
    assert "tests/test_a.py:5: " in str(stopped.value.code)
    assert "test_a.py:2" not in str(stopped.value.code)
    assert not (tree / "docs/coverage.md").exists()


def test_the_house_s_own_rows_are_read() -> None:
    sections = requirements((ROOT / "docs/requirements.md").read_text())
    assert [heading[0] for heading in sections] == list("ABCDE")
    for heading, rows in sections.items():
        assert list(rows) == [f"{heading[0]}{number}" for number in range(1, len(rows) + 1)]
