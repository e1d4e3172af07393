import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from stack.house import House
from stack.plan import Commands
from stack.running import running

HERE = Path(__file__).parent

# The services themselves are tested elsewhere; here a small web server takes their place.
STANDINS = Commands(
    service=lambda _service: [sys.executable, str(HERE / "standin.py")],
    migrate=lambda _service: [sys.executable, "-c", "import os; print(os.environ['WAGGLE_DATABASE_URL'])"],
    streams=[sys.executable, "-c", "import os; print(os.environ['WAGGLE_NATS_URL'])"],
)


@pytest.fixture(scope="session")
def standins() -> Commands:
    return STANDINS


@pytest_asyncio.fixture(scope="session")
async def house() -> AsyncIterator[House]:
    async with running(apns=False, replicas={"realtime": 2}, durable=False, commands=STANDINS) as house:
        yield house
