"""A counterexample as a story: who did what, and how the world stood after it."""

from collections.abc import Iterator

from tests.model.drivers import APPROVED, BUSY, GRACE, LEAVING, ONLINE
from tests.model.explore import Result, Violation
from tests.model.space import Space, Step
from tests.model.transactions import Label
from tests.model.world import NAMES, NOW, Job, index_of

from matching.states import OfferState, Search


def tell(result: Result) -> Iterator[str]:
    """The violation of a result, line by line."""
    violation = result.violation
    if violation is None:
        return
    yield f"{violation.rule}: broken in {violation.length} steps ({result.setting.name})"
    names = list(NAMES[: result.setting.drivers])
    number = 0
    for number, step in enumerate(_steps(result.space, violation), start=1):
        yield f"{number:3}. {_say(step.label, step.place, names)}"
        names = [names[place] for place in step.order] if step.order else names
        yield f"        {_world(result.space, step.state, names)}"
    if violation.last:
        yield f"{number + 1:3}. {_say(violation.last, violation.place, names)}"
    yield f"     ✗ {violation.how}"


def _steps(space: Space, violation: Violation) -> Iterator[Step]:
    for state, following in zip(violation.states, violation.states[1:], strict=False):
        yield next(step for step in space.steps(state) if step.state == following)


def _say(label: Label, place: int, names: list[str]) -> str:
    text = label.text.format(driver=names[label.driver] if label.driver >= 0 else "")
    return f"{_letter(place)}: {text}" if place >= 0 else text


def _letter(place: int) -> str:
    return "job " + "ABCD"[place]


def _world(space: Space, state: int, names: list[str]) -> str:
    crew, numbers = space.unpack(state)
    jobs = [f"{_letter(place)} {_job(space.jobs.known[one], names)}" for place, one in enumerate(numbers)]
    drivers = [f"{names[place]} {_driver(standing)}" for place, standing in enumerate(crew)]
    return " | ".join([*jobs, ", ".join(sorted(drivers))])


def _driver(standing: int) -> str:
    words = ["online" if standing & ONLINE else "offline"]
    if standing & BUSY:
        words.append("has " + _letter((standing & BUSY) - 1))
    words += [word for bit, word in ((LEAVING, "leaving"), (GRACE, "in grace")) if standing & bit]
    return " ".join(words if standing & APPROVED else [*words, "suspended"])


def _job(job: Job, names: list[str]) -> str:
    if job.life is None:
        return "not ordered"
    searches = "; ".join(_search(one, names) for one in job.searches) or "no search"
    waiting = [f"{one.kind} {one.attempt}" for one in job.letters if not one.heard]
    return f"{job.life.status}; {searches}" + (f"; on the way: {', '.join(waiting)}" if waiting else "")


def _search(search: Search, names: list[str]) -> str:
    late = " past its time" if search.deadline == NOW and search.state == "searching" else ""
    offers = ", ".join(
        f"{names[index_of(one.driver)]} {one.state}"
        + (" past its time" if one.state is OfferState.pending and one.expires_at == NOW else "")
        for one in search.offers
    )
    return f"search {search.attempt} {search.state}{late} ({offers})"
