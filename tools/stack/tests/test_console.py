"""The web console as a stack serves it. Its files are stand-ins; clients/console tests what they do."""

import io
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import jwt
import pytest
import pytest_asyncio
from rich.console import Console

from stack.house import House
from stack.people import links
from stack.plan import Commands
from stack.running import running

FILES = {"index.html": "<h1>Waggle</h1>", "assets/index-1a2b.js": "run()", ".built": "a digest"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("console")
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(site: Path, standins: Commands) -> AsyncIterator[House]:
    built = replace(standins, build=["true"], site=site)
    async with running(services=(), site=True, apns=False, durable=False, commands=built) as house:
        yield house


async def get(house: House, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=house.url) as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/console/", "/console/jobs/7", "/console/index.html"])
async def test_an_address_within_the_console_gives_the_app_which_is_asked_for_anew(
    house: House, path: str
) -> None:
    """One page has all the screens."""
    page = await get(house, path)
    assert (page.status_code, page.text) == (200, FILES["index.html"])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"


async def test_the_page_may_load_and_ask_its_own_origin_only_and_be_framed_by_nobody(house: House) -> None:
    page = await get(house, "/console/")
    policy = dict(one.strip().split(" ", 1) for one in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[f"{what}-src"] for what in ("script", "worker", "style", "connect")} == {"'self'"}
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_a_file_whose_name_tells_its_content_is_kept_for_good(house: House) -> None:
    file = await get(house, "/console/assets/index-1a2b.js")
    assert (file.text, file.headers["content-type"]) == ("run()", "text/javascript; charset=utf-8")
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/console/assets/index-old.js", "/console/assets/", "/console/.built"])
async def test_a_file_that_is_not_there_is_no_page_and_not_kept(house: House, path: str) -> None:
    answer = await get(house, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["cache-control"] == "no-store"


async def test_without_its_last_slash_it_is_found_too_and_its_neighbours_are_not(house: House) -> None:
    answer = await get(house, "/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "/console/")
    assert (await get(house, "/consoles")).status_code == 404
    assert 'href="/console/"' in (await get(house, "/")).text


async def test_it_is_opened_as_a_customer_a_driver_or_an_admin_by_a_link_with_a_token(house: House) -> None:
    roles = []
    for _who, address in links(house):
        page, _, token = address.partition("#token=")
        assert page == house.console_url == f"{house.url}/console/"
        claims = jwt.decode(token, house.jwt_key, ["HS256"], audience="waggle", issuer="waggle")
        roles.append(claims["role"])
    assert roles == ["user", "pilot", "admin"]
    assert house.description()["console"] == house.console_url


async def test_a_house_without_one_has_no_links(standins: Commands) -> None:
    async with running(services=(), apns=False, caddy=False, durable=False, commands=standins) as house:
        assert list(links(house)) == []


async def test_a_console_that_cannot_be_built_is_told_in_a_line_and_done_without(
    standins: Commands,
) -> None:
    """As where npm has no registry."""
    fails = [sys.executable, "-c", "raise SystemExit('npm ci failed: no way to the registry')"]
    shown = io.StringIO()
    async with running(
        services=(),
        caddy=False,
        site=True,
        apns=False,
        durable=False,
        commands=replace(standins, build=fails),
        console=Console(file=shown, width=200),
    ) as house:
        assert list(links(house)) == []
        log = house.state / "log" / "console.log"
        assert f"no console, for it could not be built; read {log}\n" in shown.getvalue()
        assert "no way to the registry" in log.read_text()
