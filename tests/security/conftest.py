"""A visitor at the door of the house, who may send anything."""

from collections.abc import AsyncIterator

import httpx
import pytest

from stack.house import House

from .visitor import Visitor


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


@pytest.fixture
def visitor(house: House, client: httpx.AsyncClient, request: pytest.FixtureRequest) -> Visitor:
    """At the one origin, where everybody comes in; another one for each module of tests."""
    return Visitor(house, client, sub=request.path.stem)


@pytest.fixture(params=["edge", "service"])
def anywhere(house: House, client: httpx.AsyncClient, request: pytest.FixtureRequest) -> Visitor:
    """At the one origin, and at the services themselves."""
    return Visitor(house, client, sub=request.path.stem, direct=request.param == "service")
