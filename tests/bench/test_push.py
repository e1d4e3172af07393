"""`just bench push` does its work at tiny sizes. What it measures decides nothing here."""

import pytest
from bench.peers import node_push
from bench.push.measure import measure
from bench.push.world import Sizes

TINY = Sizes(warm_up=10, pushes=50, offers=50, steady=20, rate=50)


@pytest.mark.timeout(300)
def test_every_push_of_ours_and_of_node_is_sent_once_and_measured():
    if not node_push.available():
        pytest.skip("there is no way to npm")
    figures = {figure.name: figure for figure in measure(TINY)}

    for name in (
        "push_vs_node",
        "push_vs_node_rows",
        "apns_vs_node",
        "offer_to_apns_p50",
        "offer_to_apns_p99",
    ):
        assert figures[name].value > 0
        assert figures[name].peer_value
    assert figures["offer_to_apns_rate"].value > 0
    assert figures["sink_ceiling"].value > 0
