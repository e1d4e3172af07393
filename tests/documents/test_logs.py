"""docs/operations/observability.md, Logs: from an order's id to its lines."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from stack.house import House

from .conftest import Desk
from .orders import customer, order
from .written import commands


async def lines_of(log: Path, booking: str) -> str:
    """All that is in the log, as soon as the order is."""
    async with asyncio.timeout(60):
        while booking not in (text := await asyncio.to_thread(log.read_text)):
            await asyncio.sleep(0.05)
    return text


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on this machine")
async def test_the_lines_of_an_order_are_found_and_no_others(small_house: House, operator: Desk) -> None:
    async with customer(small_house, "bea") as bea:
        wanted, other = await order(bea), await order(bea)
    text = await lines_of(small_house.state / "log/booking.log", other)
    await operator.run("kubectl apply -k deploy/k8s/overlays/prod")
    workloads = operator.cluster.workloads
    for pod in (await operator.run("kubectl get pod -n waggle -o name")).split():
        name = pod.removeprefix("pod/")
        mixed = f"not JSON, as a migration's\n{text}"
        workloads.logs["waggle", name] = mixed if name.startswith("booking-") else ""
    (block,) = commands("tests/documents/test_logs.py", job=wanted)
    found = [json.loads(line) for line in (await operator.run(block)).splitlines()]
    assert any(wanted in one.get("first", "") for one in found)
    assert not any(other in one.get("first", "") for one in found)
