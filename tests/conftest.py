"""The whole house, for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from stack.house import House
from stack.running import running


@pytest.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    """Four services, Caddy, the APNs stand-in, nats-server and PostgreSQL: started by the first test that
    asks, shared by all of the session. Tests that stop something, or count everything, run their own.

    Whatever the tests had the services do, they may do it on the bus.
    """
    async with running(durable=False) as house:
        yield house
        assert house.refused_on_bus() == []
