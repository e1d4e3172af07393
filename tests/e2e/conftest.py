"""The whole house, with two edges."""

from collections.abc import AsyncIterator

import pytest

from stack.house import House
from stack.running import running


@pytest.fixture(scope="module")
async def two_edges() -> AsyncIterator[House]:
    """All four services, `realtime` twice, and nothing shared with any other test module."""
    async with running(replicas={"realtime": 2}, traces=True, durable=False) as house:
        yield house
        assert house.refused_on_bus() == []
