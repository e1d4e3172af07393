"""What contracts/access.py lets services ask is what their code asks: neither more nor less."""

import ast
from pathlib import Path

import pytest

from contracts.access import ASKERS, SERVICES
from contracts.requests import REQUESTS

SOURCES = Path(__file__).resolve().parents[2] / "services"
REQUEST = {request.__name__: request for request in REQUESTS}


def imported(service: str) -> set[str]:
    """Names of requests that a service's code imports."""
    trees = [ast.parse(path.read_text()) for path in (SOURCES / service / "src").rglob("*.py")]
    return {
        alias.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "contracts.requests"
        for alias in node.names
        if alias.name in REQUEST
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_ask_what_its_code_asks(service: str) -> None:
    """A request of another service's that it imports is one that it asks."""
    asks = {name for name in imported(service) if REQUEST[name].subject.split(".")[1] != service}
    assert asks == {request.__name__ for request, services in ASKERS.items() if service in services}
