"""A migration runs while pods of the version before it serve, so it expands: that version lives on with it.

What nothing uses any more goes in a later version, in a migration whose docstring begins with "Contract:".
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("services/*/src/*/migrations/versions/*.py"))
TAKES_AWAY = {"drop_table", "drop_column", "drop_constraint", "rename_table", "alter_column"}
FORBIDS = {
    "create_unique_constraint",
    "create_check_constraint",
    "create_foreign_key",
    "create_exclude_constraint",
}
"""What the version before it has never heard of, and may break."""
SQL = re.compile(r"\b(DROP (TABLE|COLUMN|CONSTRAINT)|RENAME|ALTER COLUMN|SET NOT NULL|TRUNCATE)\b", re.I)


def operations(source: str) -> Iterator[ast.Call]:
    """Calls of `op.…` on the way up."""
    for part in ast.parse(source).body:
        if not (isinstance(part, ast.FunctionDef) and part.name == "downgrade"):
            for node in ast.walk(part):
                if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("op."):
                    yield node


def given(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), None)


def fault(call: ast.Call) -> str | None:
    """Why the version before cannot live with this; None if it can."""
    assert isinstance(call.func, ast.Attribute)
    text = ast.unparse(call)
    if call.func.attr in TAKES_AWAY | FORBIDS or (call.func.attr == "execute" and SQL.search(text)):
        return text
    if call.func.attr == "add_column":
        (column,) = [one for one in call.args if isinstance(one, ast.Call)]
        if given(column, "nullable") == "False" and given(column, "server_default") is None:
            return f"{text}: rows of the version before have nothing to put there"
    return None


def faults(source: str) -> list[str]:
    contracts = (ast.get_docstring(ast.parse(source)) or "").startswith("Contract:")
    return [] if contracts else [why for call in operations(source) if (why := fault(call))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parents[2].name}-{file.stem}")
def test_the_version_before_lives_on_with_what_a_migration_does(file: Path) -> None:
    assert faults(file.read_text()) == []


@pytest.mark.parametrize(
    "step",
    [
        'op.drop_column("job", "notes")',
        'op.alter_column("job", "notes", new_column_name="note")',
        'op.execute("ALTER TABLE job RENAME notes TO note")',
        'op.create_check_constraint("short", "job", "length(notes) < 9")',
        'op.add_column("job", sa.Column("notes", sa.Text, nullable=False))',
    ],
)
def test_what_it_could_not_live_with_is_found(step: str) -> None:
    source = f"def upgrade():\n    {step}\n"
    assert faults(source)
    assert not faults(f'"""Contract: nothing since 0.2 reads it."""\n{source}')
    assert not faults(source.replace("upgrade", "downgrade"))
