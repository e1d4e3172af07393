"""A house whose databases go away one by one, each for as long as a test likes."""

import pytest
from tests.faults.one_database import LEASE_S

from stack.running import running


@pytest.fixture(scope="session")
async def house():
    """Shared: each test has people and a town of its own, and leaves all services ready."""
    async with running(env={"WAGGLE_LEASE_SECONDS": str(LEASE_S)}, durable=False) as house:
        started = dict(house.supervisor.pids)
        yield house
        assert house.supervisor.pids == started, "nothing had to be started again"
        assert house.refused_on_bus() == []
