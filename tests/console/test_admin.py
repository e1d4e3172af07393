"""The admin's screen: the live map, what became of a job and why, and who may drive; in a real browser."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, Route, expect
from tests.console.conftest import PATIENCE_MS, Screen
from tests.console.looks import colours, hard_to_read, pixels, sideways
from tests.e2e.phone import Phone, approved, phone

from stack.house import House
from stack.running import running

pytestmark = pytest.mark.timeout(300)
expect.set_options(timeout=PATIENCE_MS)

LAT, LNG = 48.2, 16.4
NORTH = 1 / 111_195
"""Degrees of latitude in a metre."""
UNHURRIED = {
    "steps": [{"policy": "cascade", "offer_seconds": 3600, "radii_m": [5000]}],
    "search_seconds": 7200,
    "stale_seconds": 3600,
}
"""The courier's rules with time to look: no slow machine lets an offer end."""
PATIENT = {"WAGGLE_GRACE_SECONDS": "3600", "WAGGLE_SILENCE_SECONDS": "3600"}
"""Nor a driver go offline."""
WORLD = {"west": -180, "south": -90, "east": 180, "north": 90}


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """All four services and the console, which wait longer than usual."""
    async with running(durable=False, site=True, env=PATIENT) as house, phone(house, "root", "admin") as root:
        (await root.http.put("/v1/service-types/courier", json=UNHURRIED)).raise_for_status()
        yield house
        assert house.refused_on_bus() == []


@asynccontextmanager
async def customer(house: House) -> AsyncIterator[Phone]:
    async with phone(house, f"ann-{uuid4()}", "user") as ann:
        yield ann


@asynccontextmanager
async def driving(
    house: House, name: str, metres: float = 0, lng: float = LNG
) -> AsyncIterator[tuple[str, Phone]]:
    """A driver's id and app, online so far to the north; offline afterwards, so that no other test has it."""
    sub = f"{name.lower()}-{uuid4()}"
    await approved(house, sub, name=name)
    async with phone(house, sub, "pilot") as app:
        assert (await app.call("pilot:online", {"lat": LAT + metres * NORTH, "lng": lng}))["ok"]
        yield sub, app
        assert (await app.call("pilot:offline"))["ok"]


async def order(ann: Phone, lng: float = LNG) -> dict[str, str]:
    """A booking's reference, as events have it."""
    job = {
        "service_type": "courier",
        "pickup": {"address": "1 Main St", "lat": LAT, "lng": lng},
        "dropoff": {"address": "9 Dock Rd", "lat": LAT + 2000 * NORTH, "lng": lng},
        "total_price": 12,
    }
    answer = await ann.http.post("/v1/bookings", json=job)
    answer.raise_for_status()
    return {"bookingId": answer.json()["id"]}


async def advance(driver: Phone, job: dict[str, str], status: str) -> None:
    answer = await driver.call("booking:update_status", job | {"status": status})
    assert answer["ok"], answer


async def move(driver: Phone, metres: float) -> None:
    """At most one position a second is used, and nothing tells when the next may come."""
    there = {"lat": LAT + metres * NORTH, "lng": LNG}
    while (await driver.call("pilot:location", there)).get("dropped"):
        await asyncio.sleep(0.1)


async def expect_drawn(page: Page, variable: str, least: int = 100) -> None:
    """The map shows something of this colour."""
    ground = page.get_by_role("application")
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await pixels(page, ground, variable) < least:
            await asyncio.sleep(0.2)


def figure(page: Page, label: str) -> Locator:
    return page.get_by_label("Figures").locator("div").filter(has_text=label).locator("dd")


def told_of(page: Page, driver: str) -> Locator:
    """What the why-not says of a driver."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=driver))


async def expect_badge(page: Page, words: str) -> None:
    await expect(
        page.get_by_role("banner").or_(page.locator("main header")).get_by_text(words)
    ).to_be_visible()


async def test_a_job_is_seen_live_from_its_search_to_its_end(house: House, screen: Screen) -> None:
    """D3, C9, A7, B7: on the map, in the figures, in the stream, and on its page, whose line grows."""
    async with (
        driving(house, "Dan") as (dan_id, dan),
        customer(house) as ann,
        screen("root", "admin") as page,
    ):
        legend = page.get_by_label("Legend")
        await expect(legend).to_contain_text("1 free")
        await expect(figure(page, "Drivers online")).to_have_text("1")
        await expect_drawn(page, "--map-idle", 50)
        await page.get_by_role("application").click()  # the map begins where the only driver is
        await expect(page.get_by_role("heading", name="Driver Dan")).to_be_visible()
        await page.go_back()

        job = await order(ann)
        await dan.hears("booking:offer", **job)
        await expect(legend).to_contain_text("1 looking for a driver")
        await expect(figure(page, "Searches running")).to_have_text("1")
        assert (await dan.call("offer:accept", job))["ok"]
        await expect(legend).to_contain_text("1 on a job")
        await expect(legend).to_contain_text("1 to pick up")
        await expect(figure(page, "Searches running")).to_have_text("0")
        await expect(figure(page, "On a job")).to_have_text("1")

        await page.get_by_label("Assignments").get_by_role("link", name="Dan took it").click()
        await expect_badge(page, "Driver assigned")
        await expect(page.get_by_role("link", name="Dan", exact=True)).to_have_attribute(
            "href", re.compile(dan_id)
        )
        await advance(dan, job, "en_route")
        await expect_badge(page, "Driver on the way")
        for metres in (1500, 800):
            await move(dan, metres)
        await expect_drawn(page, "--map-busy", 150)  # more than a dot: a line
        for status in ("arrived", "in_progress", "completed"):
            await advance(dan, job, status)
        await expect_badge(page, "Completed")
        await expect(page.get_by_role("button", name="Cancel booking")).to_have_count(0)
        await page.get_by_role("link", name="Live").click()
        await expect(figure(page, "Bookings under way")).to_have_text("0")


async def test_why_a_job_went_to_one_driver_and_not_to_others(house: House, screen: Screen) -> None:
    """D3, A12, E4, B11: one was busy, one far away, one said no; an admin cancels what the last took."""
    async with (
        driving(house, "Bea", 50) as (bea, her),
        customer(house) as ann,
        driving(house, "Far", 30_000) as (far, _),
    ):
        first = await order(ann)
        await her.hears("booking:offer", **first)
        assert (await her.call("offer:accept", first))["ok"]
        async with (
            driving(house, "Nat", 500) as (nat, unwilling),
            driving(house, "Eve", 900) as (eve, willing),
            screen("root", "admin") as page,
        ):
            job = await order(ann)
            await unwilling.hears("booking:offer", **job)
            await page.get_by_role("link", name="Bookings").click()
            await page.get_by_label("Show").select_option("open")
            await page.locator(f"a[href$='{job['bookingId']}']").click()
            await expect(told_of(page, nat)).to_contain_text("has not answered yet")
            await expect(told_of(page, eve)).to_contain_text("may be asked yet")
            assert (await unwilling.call("offer:decline", job))["ok"]
            await willing.hears("booking:offer", **job)
            assert (await willing.call("offer:accept", job))["ok"]

            await expect(told_of(page, nat)).to_contain_text("declined after")
            await expect(told_of(page, eve)).to_contain_text("accepted after")
            await expect(told_of(page, eve)).to_contain_text("no phone registered")
            await expect(told_of(page, bea)).to_contain_text("busy with a job")
            await expect(told_of(page, far)).to_contain_text("out of range")
            await page.get_by_label("Only this driver").fill(far)
            await page.get_by_role("button", name="Show").click()
            await expect(told_of(page, eve)).to_have_count(0)
            await expect(told_of(page, far)).to_contain_text("out of range")
            await _is_cancelled(page, willing, job)
        assert (await ann.call("booking:cancel", first))["ok"]


async def _is_cancelled(page: Page, driver: Phone, job: dict[str, str]) -> None:
    await page.get_by_role("button", name="Cancel booking").click()
    await page.get_by_role("button", name="No", exact=True).click()
    assert driver.heard("booking:released") == []
    await page.get_by_role("button", name="Cancel booking").click()
    await page.get_by_role("button", name="Yes, cancel it").click()
    await driver.hears("booking:released", **job)
    await expect_badge(page, "Cancelled")
    await expect(page.get_by_role("button", name="Cancel booking")).to_have_count(0)


async def test_an_admin_says_who_may_drive_and_how_jobs_are_dispatched(house: House, screen: Screen) -> None:
    """D3, B14, F1: register, approve, suspend, sign out; and a service type, whose mistakes are told."""
    sub = f"gus-{uuid4()}"
    async with screen("root", "admin", excused="status of 422") as page:
        await page.get_by_role("link", name="Drivers").click()
        form = page.get_by_role("region", name="Register one")
        await form.get_by_label("Id").fill(sub)
        await form.get_by_label("Name").fill("Gus")
        await form.get_by_label("Approved").uncheck()
        await form.get_by_role("button", name="Register").click()
        await expect(page.get_by_text("offline, not approved")).to_be_visible()
        async with phone(house, sub, "pilot") as gus:
            assert (await gus.http.get("/v1/drivers/me")).json()["approved"] is False
            await page.get_by_role("button", name="Approve").click()
            await expect(page.get_by_role("button", name="Suspend")).to_be_visible()
            assert (await gus.http.get("/v1/drivers/me")).json()["approved"] is True
            await page.get_by_role("button", name="Suspend").click()
            await expect(page.get_by_role("button", name="Approve")).to_be_visible()
            await page.get_by_role("button", name="Sign out everywhere").click()
            await page.get_by_role("button", name="Yes, sign out everywhere").click()
            await gus.hears("auth:ended")
            await expect(page.get_by_text("Signed out everywhere.")).to_be_visible()
        await _sets_a_service_type(page)


async def _sets_a_service_type(page: Page) -> None:
    await page.get_by_role("link", name="Service types").click()
    await page.get_by_role("button", name="courier").click()
    rules = page.get_by_label("Rules, as JSON")
    await expect(rules).to_have_value(re.compile("cascade"))
    was: dict[str, Any] = json.loads(await rules.input_value())
    await page.get_by_label("Name").fill("night")
    for said, answer in (
        ("{", "This is not JSON"),
        (json.dumps(was | {"steps": []}), "body.steps: List should have at least 1 item"),
        (json.dumps(was), "night is set"),
    ):
        await rules.fill(said)
        await page.get_by_role("button", name="Set", exact=True).click()
        await expect(page.get_by_text(answer).last).to_be_visible()
    await expect(page.get_by_role("button", name="night")).to_be_visible()


async def test_drivers_that_are_too_many_for_dots_are_shown_as_a_crowd(house: House, screen: Screen) -> None:
    """D3: the page's questions are changed to a limit of one, as five hundred drivers would take too long."""

    async def ask_for_one(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=500", "limit=1"))

    async with driving(house, "Dan"), driving(house, "Eve", 300), screen("root", "admin") as page:
        await expect(page.get_by_label("Legend")).to_contain_text("2 free")
        await page.route("**/v1/drivers?**", ask_for_one)
        await expect(page.get_by_label("Legend")).to_contain_text("2 drivers here, come closer for each")


async def test_the_screen_is_legible_in_both_themes_on_a_phone_and_for_admins_only(
    house: House, screen: Screen
) -> None:
    """D4, F1"""
    looks = {}
    async with customer(house) as ann, driving(house, "Dan"):
        job = await order(ann)
        for theme in ("light", "dark"):
            async with screen("root", "admin", theme=theme, phone=True) as page:
                await expect(page.get_by_label("Legend")).to_contain_text("1 looking for a driver")
                await _is_legible(page)
                looks[theme] = await colours(page)
                for name, shown in (
                    ("Bookings", "Finding a driver"),
                    ("Drivers", "Register one"),
                    ("Service types", "courier"),
                ):
                    await page.get_by_role("link", name=name).click()
                    await expect(page.get_by_text(shown).last).to_be_visible()
                    await _is_legible(page)
                await page.goto(f"{house.url}/console/bookings/{job['bookingId']}")
                await expect(page.get_by_text("has not answered yet")).to_be_visible()
                await _is_legible(page)
        assert all(light != dark for light, dark in zip(looks["light"], looks["dark"], strict=True))
        async with screen(f"ann-{uuid4()}", "user") as page:
            await page.goto(f"{house.url}/console/service-types")
            await expect(page.get_by_role("heading", name="New order")).to_be_visible()
            await expect(page.get_by_role("link", name="Drivers")).to_have_count(0)
        assert (await ann.http.get("/v1/drivers", params=WORLD)).status_code == 403
        assert (await ann.call("booking:cancel", job))["ok"]


async def _is_legible(page: Page) -> None:
    assert await hard_to_read(page) == []
    assert await sideways(page) <= 0
