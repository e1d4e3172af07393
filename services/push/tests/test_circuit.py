"""When a push service is asked no more, and when it is asked again."""

from datetime import UTC, datetime, timedelta

from push.circuit import CLOSED, Circuit, failed, judged, probing
from push.notifier import Outcome, Verdict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FREE = 50


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def opened() -> Circuit:
    circuit = CLOSED
    for n in range(5):
        circuit = failed(circuit, NOW + seconds(n), was_probe=False)
    return circuit


def test_one_connection_that_breaks_under_many_pushes_stops_nothing() -> None:
    circuit = CLOSED
    for _ in range(500):
        circuit = failed(circuit, NOW, was_probe=False)
    assert circuit.allowed(FREE, NOW) == FREE


def test_after_five_failures_in_a_row_over_a_second_nothing_is_allowed_for_a_while() -> None:
    """A11"""
    circuit = CLOSED
    for n in range(5):
        assert circuit.allowed(FREE, NOW + seconds(n / 4)) == FREE
        circuit = failed(circuit, NOW + seconds(n / 4), was_probe=False)
    assert [circuit.allowed(FREE, NOW + seconds(1 + wait)) for wait in (0, 0.99, 1)] == [0, 0, 1]


def test_one_probe_is_allowed_at_a_time() -> None:
    circuit = opened()
    assert circuit.probe_at
    circuit = probing(circuit, seconds(5), circuit.probe_at)
    assert circuit.probe_at
    assert circuit.allowed(FREE, circuit.probe_at - seconds(0.1)) == 0
    assert circuit.allowed(FREE, circuit.probe_at) == 1
    assert circuit.allowed(0, circuit.probe_at) == 0


def test_the_pauses_between_probes_grow_to_fifteen_seconds() -> None:
    """B4: an offer that lives 30 s has a chance still."""
    circuit, now, pauses = opened(), NOW + seconds(5), []
    for _ in range(7):
        circuit = failed(circuit, now, was_probe=True)
        assert circuit.probe_at
        pauses.append((circuit.probe_at - now).total_seconds())
        now = circuit.probe_at
    assert pauses == [2, 4, 8, 15, 15, 15, 15]


def test_what_was_under_way_when_it_opened_puts_the_probe_off_no_further() -> None:
    circuit = opened()
    assert failed(circuit, NOW + seconds(5), was_probe=False) == circuit


def test_any_answer_closes_it() -> None:
    for verdict in (Verdict.sent, Verdict.gone, Verdict.failed, Verdict.retry):
        assert judged(opened(), Outcome(verdict), NOW, was_probe=True) == CLOSED


def test_an_attempt_that_its_own_deadline_cut_short_says_nothing_of_the_push_service() -> None:
    """A11: or offers that live for seconds would have a dead service asked on and on."""
    late = Outcome(Verdict.expired)
    assert judged(opened(), late, NOW, was_probe=True) == opened()
    failing = failed(CLOSED, NOW, was_probe=False)
    assert judged(failing, late, NOW, was_probe=False) == failing
