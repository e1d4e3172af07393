import asyncio
import json
import os
import signal
import sys
from dataclasses import replace

import asyncpg
import httpx
import jwt
import psutil  # type: ignore[import-untyped]
import pytest

from stack.errors import StackError
from stack.house import House
from stack.plan import Commands
from stack.running import running


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.get(url)


def supervised(house: House) -> list[psutil.Process]:
    parent = psutil.Process(house.pid("booking")).parent()
    return [child for child in parent.children() if runs(child)]


def runs(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


async def test_killed_service_is_restarted_and_ready_on_the_same_port(house: House) -> None:
    """Issue 2 item 8: kill -9 of a service, restarted by the supervisor."""
    before = house.pid("booking")
    await house.kill("booking")
    answer = await get(house.service_url("booking"))
    assert house.pid("booking") != before
    assert answer.text == str(house.pid("booking"))


async def test_request_at_the_edge_waits_out_the_restart_of_its_service(house: House) -> None:
    """Issue 2, done when: kill -9 of any one service in the middle of a run."""
    before = house.pid("matching")
    os.kill(before, signal.SIGKILL)
    answer = await get(f"{house.url}/v1/drivers")
    assert answer.status_code == 200
    assert answer.text != str(before)


async def test_stopped_service_stays_down_until_started(house: House) -> None:
    pid, before = house.pid("push"), len(supervised(house))
    await house.stop("push")
    assert not psutil.pid_exists(pid)
    assert len(supervised(house)) == before - 1
    with pytest.raises(httpx.ConnectError):
        await get(house.service_url("push"))
    await house.start("push")
    assert (await get(house.service_url("push"))).status_code == 200


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/bookings", "booking"),
        ("/v1/bookings/1/track", "booking"),
        ("/v1/drivers/me", "matching"),
        ("/v1/jobs/available", "matching"),
        ("/v1/service-types", "matching"),
        ("/v1/devices", "push"),
        ("/v1/notifications", "push"),
        ("/docs/booking", "booking"),
        ("/docs/matching/openapi.json", "matching"),
        ("/docs/push", "push"),
    ],
)
async def test_public_path_reaches_its_service(house: House, path: str, service: str) -> None:
    assert (await get(house.url + path)).text == str(house.pid(service))


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/v1/bookingsx", "/admin"])
async def test_inner_and_unknown_paths_are_not_routed(house: House, path: str) -> None:
    answer = await get(house.url + path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_index_links_the_api_docs(house: House) -> None:
    for path in ("/", "/docs"):
        page = await get(house.url + path)
        assert page.headers["content-type"].startswith("text/html")
        assert all(f'href="/docs/{service}"' in page.text for service in house.plan.wish.services)


async def test_body_of_nine_megabytes_is_refused_by_the_edge_itself_as_a_problem(house: House) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{house.url}/v1/bookings", content=b"x" * 9_000_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_edge_uses_both_realtime_processes(house: House) -> None:
    """Issue 2 item 6: two edge processes."""
    answers = {(await get(f"{house.url}/socket.io/")).text for _ in range(40)}
    assert answers == {str(house.pid("realtime")), str(house.pid("realtime-2"))}


async def test_role_cannot_connect_to_another_services_database(house: House) -> None:
    """DESIGN 4: one database a service."""
    own = house.database_url("booking").replace("+asyncpg", "")
    connection = await asyncpg.connect(own)
    await connection.execute("CREATE TABLE mine (n int)")
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(own.replace("/booking?", "/matching?"))


async def test_stack_json_is_private_and_describes_what_runs(house: House) -> None:
    path = house.state / "stack.json"
    await house.kill("realtime-2")
    told = json.loads(path.read_text())
    assert path.stat().st_mode & 0o077 == 0
    assert told["url"] == house.url
    assert set(told["services"]) == {"booking", "matching", "realtime", "realtime-2", "push"}
    assert {psutil.Process(pid).name() for pid in told["pids"].values()} >= {
        "postgres",
        "caddy",
        "nats-server",
    }
    claims = jwt.decode(
        house.token("ann", "user"), told["jwt_key"], ["HS256"], audience="waggle", issuer="waggle"
    )
    assert (claims["sub"], claims["role"]) == ("ann", "user")


async def test_what_a_dying_process_prints_reaches_its_log(house: House) -> None:
    log = house.state / "log" / "push.log"
    await house.stop("push")
    assert log.read_text().endswith("last words\n")
    await house.start("push")


async def test_service_that_keeps_ending_fails_the_start_and_names_its_log(standins: Commands) -> None:
    with pytest.raises(StackError, match=r"(?s)booking keeps ending; read .*/log/booking.log.*cannot go on"):
        async with running(
            services=("booking",), caddy=False, apns=False, commands=standins, env={"WAGGLE_STANDIN": "crash"}
        ):
            pass


async def test_processes_killed_together_come_back_and_their_children_do_not(standins: Commands) -> None:
    """The one started last is back first, on pipes with the numbers of the other's: circus alone loses it."""
    both = ("booking", "matching")
    async with running(
        services=both, caddy=False, apns=False, commands=standins, env={"WAGGLE_STANDIN": "parent"}
    ) as house:
        for name in both:
            await house.stop(name)
        for name in reversed(both):
            await house.start(name)
        before = len(supervised(house))
        left = [child for name in both for child in psutil.Process(house.pid(name)).children()]
        await asyncio.gather(*(house.kill(name) for name in both))
        assert len(left) == 2
        assert [child for child in left if runs(child)] == []
        assert len(supervised(house)) == before
        for name in both:
            assert (house.state / "log" / f"{name}.log").read_text().count("first words") == 3


async def test_failed_migration_fails_the_start_and_names_its_log(standins: Commands) -> None:
    broken = replace(standins, migrate=lambda _: [sys.executable, "-c", "raise SystemExit('no such table')"])
    with pytest.raises(StackError, match=r"(?s)status 1; read .*/log/migrate-booking.log.*no such table"):
        async with running(services=("booking",), caddy=False, apns=False, commands=broken):
            pass


async def test_taken_port_is_refused_before_anything_starts(house: House, standins: Commands) -> None:
    with pytest.raises(StackError, match=r"port \d+: Address already in use"):
        async with running(services=(), port=house.plan.ports.edge, apns=False, commands=standins):
            pass


async def test_second_stack_on_a_folder_in_use_is_refused(house: House) -> None:
    with pytest.raises(StackError, match="is in use by a running stack"):
        async with running(house.state, services=(), apns=False, caddy=False):
            pass


async def test_the_stand_ins_for_push_services_come_back_with_the_same_keys() -> None:
    async with running(services=(), caddy=False, durable=False) as house:
        account = house.state / "fcm" / "service-account.json"
        before, url = json.loads(account.read_text()), house.fcm_control_url
        for control in (house.apns_control_url, url):
            assert (await get(f"{control}/livez")).text == "ok"
        await house.kill("fcm")
        assert json.loads(account.read_text()) == before
        assert (await get(f"{url}/livez")).text == "ok"
        assert house.description()["fcm_control_url"] == url
