"""`just model`: explore every setting, then seed every bug and see that it is found.

Ends with 1 if an invariant is broken or a seeded bug is not found.
"""

import argparse

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from tests.model.bugs import BUGS
from tests.model.explore import Exploration, Result
from tests.model.settings import FULL, SMALL
from tests.model.story import tell
from tests.model.world import Setting

WIDTH = 120


def _run(console: Console, setting: Setting) -> Result:
    """With a line that counts while it goes on."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(setting.name, total=None)

        def report(states: int, ahead: int) -> None:
            counts = f"{states:,} states, {ahead:,} of them in the next step"
            progress.update(task, description=f"{setting.name}: {counts}")

        result = Exploration(setting, report).run()
    if not console.is_terminal:
        console.print(f"{setting.name}: {result.states:,} states", highlight=False)
    return result


def explore(console: Console, *, small: bool) -> list[Result]:
    """Every setting, as a table; and the story of each violation."""
    table = Table("setting (jobs × drivers)", title="Every reachable state")
    for head in ("states", "transitions", "commands tried", "seconds"):
        table.add_column(head, justify="right")
    results = []
    for setting in SMALL if small else FULL:
        result = _run(console, setting)
        counts = (result.states, result.transitions, result.tried)
        table.add_row(setting.name, *(f"{count:,}" for count in counts), f"{result.seconds:.1f}")
        results.append(result)
    console.print(table)
    for result in results:
        for line in tell(result):
            console.print(line, highlight=False, soft_wrap=True)
    return results


def seed(console: Console, story: str | None) -> int:
    """Every bug, as a table, and how many were found. `story`: tell of those with this in their names."""
    table = Table("seeded bug", "the invariant that it breaks", "how", title="Seeded bugs")
    table.add_column("steps", justify="right")
    found = []
    for bug in BUGS:
        with bug.seeded():
            result = Exploration(bug.setting).run()
            violation = result.violation
            if violation is None:
                table.add_row(bug.name, "[bold red]not found", "", "")
                continue
            found.append(bug)
            table.add_row(bug.name, violation.rule, violation.how, str(violation.length))
            for line in tell(result) if story is not None and story in bug.name else ():
                console.print(line, highlight=False, soft_wrap=True)
    console.print(table)
    return len(found)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="just model", description=__doc__)
    parser.add_argument("--small", action="store_true", help="the settings of the tests, in seconds")
    parser.add_argument(
        "--story", metavar="WORD", help="tell how the seeded bugs with this in their names break"
    )
    wanted = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    results = explore(console, small=wanted.small)
    found = seed(console, wanted.story)
    states, broken = sum(one.states for one in results), sum(one.violation is not None for one in results)
    console.print(
        f"{states:,} states, {broken} violations; {found} of {len(BUGS)} seeded bugs caught", highlight=False
    )
    return 0 if not broken and found == len(BUGS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
