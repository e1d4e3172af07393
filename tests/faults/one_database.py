"""The database of one service goes away, or is read-only, while its server, the other databases and the bus
go on; and what the people see of it."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import httpx
from tests.e2e.phone import PATIENCE_S, approved, phone

SERVICES = ("booking", "matching", "realtime", "push")
LEASE_S = 1
"""How long a replica of matching is believed to live that says nothing."""
END_SESSIONS = """
    SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity
    WHERE datname = $1 AND backend_start < $2
"""


@asynccontextmanager
async def _altered(house, service, how, back):
    superuser = await asyncpg.connect(house.database_url("postgres").replace("+asyncpg", ""))
    try:
        await superuser.execute(f"ALTER DATABASE {service} {how}")
        try:
            altered_at = await superuser.fetchval("SELECT clock_timestamp()")
            while await superuser.fetchval(END_SESSIONS, service, altered_at):
                pass
            yield
        finally:
            await superuser.execute(f"ALTER DATABASE {service} {back}")
    finally:
        await superuser.close()


def away(house, service):
    """While the block runs every session with it is ended, and none begins."""
    return _altered(house, service, "ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true")


def read_only(house, service):
    """While the block runs it takes no changes from those who connect, as a replica after a failover."""
    setting = "default_transaction_read_only"
    return _altered(house, service, f"SET {setting} = on", f"RESET {setting}")


async def not_ready(house):
    """Which services say that they are not, and what they wait for."""
    found = {}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        for service in SERVICES:
            answer = await http.get(f"{house.service_url(service)}/readyz")
            if answer.status_code != 200:
                found[service] = set(answer.json()["failing"])
    return found


async def ready_again(house):
    """Until all services are, which nobody announces."""
    async with asyncio.timeout(60):
        while await not_ready(house):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def driver(house, place):
    """The app of an approved driver who is nobody else's, online there."""
    name = f"driver-{uuid4()}"
    await approved(house, name)
    async with phone(house, name, "pilot") as app:
        assert (await app.call("pilot:online", place))["ok"]
        yield app


def customer(house):
    """The app of one who is nobody else's."""
    return phone(house, f"customer-{uuid4()}", "user")


async def ordered(app, service_type, place):
    """A booking that was taken."""
    order = {"service_type": service_type, "pickup": {"address": "1 Main St", **place}, "total_price": 9}
    return answered(await app.http.post("/v1/bookings", json=order), 201)


def answered(answer, status=200):
    """The body of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json()


def unavailable(answer):
    """Whether this HTTP answer, or the ack of an event, says so; 503 then, never 500."""
    if isinstance(answer, dict):
        return not answer["ok"] and answer["error"]["code"] == "unavailable"
    is_problem = answer.headers["content-type"] == "application/problem+json"
    return is_problem and (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def registers(app, token):
    """The answer to a phone that wants pushes."""
    return await app.http.post("/v1/devices", json={"token": token, "platform": "ios"})


async def reached(app):
    """The token of a phone that pushes reach."""
    token = uuid4().hex * 2
    answered(await registers(app, token), 201)
    return token


async def pushes(house, token, *, at_least=0):
    """Titles of what APNs took for this phone, as soon as there are so many."""
    since, found = 0, list[str]()
    async with httpx.AsyncClient(base_url=house.apns_control_url, timeout=2 * PATIENCE_S) as http:
        while True:
            query = {"token": token, "since": since, "wait_s": PATIENCE_S if len(found) < at_least else 0}
            answer = answered(await http.get("/control/pushes", params=query))
            found += [
                one["payload"]["aps"]["alert"]["title"] for one in answer["pushes"] if one["status"] == 200
            ]
            since = answer["last"]
            if len(found) >= at_least:
                return found
            assert answer["pushes"], f"{found} and no more"
