"""`just bench order_to_offer` and `just bench accept` do their work at tiny sizes; no figure decides."""

import pytest

from bench import accept, order_to_offer

pytestmark = pytest.mark.timeout(300)


def test_every_order_is_offered_and_how_long_that_took_is_measured() -> None:
    """E7"""
    p50, p99 = order_to_offer.measure(drivers=10, orders=20)
    assert (p50.name, p99.name) == ("order_to_offer_p50", "order_to_offer_p99")
    assert 0 < p50.value <= p99.value


def test_accepts_are_measured_beside_bare_sql_and_a_race_has_one_winner() -> None:
    """E7, A5"""
    figures = {figure.name: figure for figure in accept.measure(jobs=70, racers=20)}
    for name in ("accept_per_second", "accept_p50", "accept_p99"):
        assert figures[name].value > 0
        assert figures[name].peer_value
    assert figures["accept_race_of_20"].value > 0
    assert figures["accept_race_winners"].value == 1
