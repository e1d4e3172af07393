"""Why a job went to whom it went, and why not to others (A12, E4)."""

from collections.abc import Container, Iterable, Sequence
from uuid import UUID

from contracts.explained import AttemptView, CandidateView, DecisionView, DispatchView, OfferView
from contracts.models import Job
from contracts.requests import SearchView, ViewDispatch
from matching import decisions, store
from matching.decisions import DecisionRow, StandingRow
from matching.outgoing import card
from matching.positions import Whereabouts
from matching.service_types import rules_from
from matching.states import Gate, Policy
from matching.store import DriverRow, OfferRow, SearchRow
from wire.problem import not_found
from wire.sql import Transaction


async def newest_search(tx: Transaction, job_id: UUID) -> SearchView:
    """How it stands. ProblemError 404 for a job that is not known."""
    row = await store.latest(tx.session, job_id)
    if row is None:
        raise not_found("job")
    driver = await tx.session.get(DriverRow, row.driver_id) if row.driver_id else None
    shown = card(driver) if driver else None
    return SearchView(job_id=job_id, attempt=row.attempt, state=row.state, driver=shown)


async def dispatch(tx: Transaction, whereabouts: Whereabouts, question: ViewDispatch) -> DispatchView:
    """Every search of a job, oldest first; about all drivers, or one. A job that is not known has none."""
    searches, driver_id = await store.searches_of(tx.session, question.job_id), question.driver_id
    if question.offers_only:
        attempts = [_attempt(row, _about(offers, driver_id)) for row, offers in searches]
        return DispatchView(job_id=question.job_id, attempts=attempts)
    looks = await decisions.decisions_of(tx.session, [row.id for row, _ in searches])
    attempts = []
    for row, offers in searches:
        mine = [look for look in looks if look.search_id == row.id]
        seen = {one["driver_id"] for look in mine for one in look.candidates}
        seen |= {offer.driver_id for offer in offers}
        rest = await decisions.others(tx.session, row, seen, driver_id) if mine else []
        located = await whereabouts.likely([one.driver_id for one in rest if one.gate is None])
        others = [_other(located, row, mine, one) for one in rest]
        told = [_decision(look, driver_id) for look in mine]
        attempts.append(_attempt(row, _about(offers, driver_id), told, others))
    return DispatchView(job_id=question.job_id, attempts=attempts)


def _attempt(
    row: SearchRow,
    offers: Sequence[OfferRow],
    looks: Sequence[DecisionView] = (),
    others: Sequence[CandidateView] = (),
) -> AttemptView:
    kept = row.model_dump(include=set(AttemptView.model_fields) - {"offers", "decisions", "others"})
    return AttemptView(
        **kept,
        search_id=row.id,
        mode=rules_from(row.rules).mode,
        offers=[OfferView(**offer.model_dump()) for offer in offers],
        decisions=list(looks),
        others=list(others),
    )


def _about(offers: Iterable[OfferRow], driver_id: str | None) -> list[OfferRow]:
    return [offer for offer in offers if driver_id in (None, offer.driver_id)]


def _decision(look: DecisionRow, driver_id: str | None) -> DecisionView:
    seen = [CandidateView(**one) for one in look.candidates if driver_id in (None, one["driver_id"])]
    return DecisionView(at=look.at, rung=look.rung, policy=look.policy, candidates=seen)


def _other(
    located: Container[str], row: SearchRow, looks: list[DecisionRow], one: StandingRow
) -> CandidateView:
    """A driver that no decision saw: how it stood when the search began, or else where it was not."""
    return CandidateView(driver_id=one.driver_id, gate=one.gate or _elsewhere(located, row, looks, one).value)


def _elsewhere(located: Container[str], row: SearchRow, looks: list[DecisionRow], one: StandingRow) -> Gate:
    job = Job.model_validate(row.job)
    if all(look.policy == Policy.direct for look in looks):
        return Gate.not_wished
    if job.vehicle_type is not None and one.vehicle_type != job.vehicle_type:
        return Gate.wrong_vehicle
    if one.driver_id not in located:
        return Gate.no_location
    return Gate.out_of_range if all(look.complete for look in looks) else Gate.farther
