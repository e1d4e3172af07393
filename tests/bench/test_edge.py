"""`just bench edge` does its work at tiny sizes. What it measures decides nothing here."""

import pytest
from bench.edge.load_process import compiler
from bench.edge.measure import UNITS, measure
from bench.edge.run import Sizes

TINY = Sizes(
    warm_up=5,
    drivers=10,
    customers=5,
    hearers=8,
    rounds=1,
    warm_rounds=0,
    notifications=20,
    positions=20,
    closed=2,
    rate=100,
    round_trips=2,
)


@pytest.mark.timeout(300)
@pytest.mark.skipif(compiler() is None, reason="the load is in C, and no cc is here")
def test_every_figure_is_measured_of_ours_of_node_and_of_the_reference_engine():
    figures = {figure.name: figure for figure in measure(TINY, ("ours", "node", "stock"))}

    for name, unit in UNITS.items():
        figure = figures[f"{name}_vs_node"]
        assert figure.unit == unit
        assert figure.peer_value == figures[f"{name}_node"].value
        assert f"{name}_stock" in figures
        if name != "memory_per_socket":  # of so few sockets it may be anything
            assert figure.value > 0
