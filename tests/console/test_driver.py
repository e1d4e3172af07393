"""The driver's screen: online, offers, the feed and the job, in a real browser on the whole house."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import APIResponse, Locator, Page, Route, WebSocketRoute, expect
from tests.console.conftest import PATIENCE_MS, Screen
from tests.console.looks import colours, hard_to_read, sideways
from tests.e2e.phone import Phone, approved, phone

from stack.house import House
from stack.running import running

expect.set_options(timeout=PATIENCE_MS)

LNG = 10.0
UNHURRIED = {
    "courier": {
        "steps": [{"policy": "cascade", "offer_seconds": 3600}],
        "search_seconds": 7200,
        "stale_seconds": 3600,
    },
    "haul": {"steps": [{"policy": "broadcast"}], "stale_seconds": 3600},
    "brief": {"steps": [{"policy": "cascade", "offer_seconds": 8}], "stale_seconds": 3600},
}
"""The usual service types with time to look: no slow machine lets an offer end, but the brief one."""
PATIENT = {
    "WAGGLE_GRACE_SECONDS": "3600",
    "WAGGLE_SILENCE_SECONDS": "3600",
    "WAGGLE_PING_TIMEOUT_SECONDS": "86400",
}
"""Nor a driver go offline; and a browser whose clock was moved does not believe that it missed its pings."""
PARCEL = {
    "service_type": "courier",
    "dropoff": {"address": "9 Dock Rd", "lat": 40.7, "lng": LNG},
    "items": {"description": "Three boxes of books"},
    "notes": "Ring twice",
    "total_price": 42.5,
    "payment_method": "cash",
    "cash_to_collect": 42.5,
}


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """All four services and the console, which wait longer than usual."""
    async with running(durable=False, site=True, env=PATIENT) as house, phone(house, "root", "admin") as root:
        for name, rules in UNHURRIED.items():
            (await root.http.put(f"/v1/service-types/{name}", json=rules)).raise_for_status()
        yield house
        assert house.refused_on_bus() == []


@asynccontextmanager
async def customer(house: House) -> AsyncIterator[Phone]:
    async with phone(house, f"ann-{uuid4()}", "user") as ann:
        yield ann


async def order(ann: Phone, lat: float, **changed: Any) -> dict[str, Any]:
    """A booking with this pickup; tests have their own towns, so that none finds another's drivers."""
    pickup = {"address": "1 Main St", "lat": lat, "lng": LNG}
    answer = await ann.http.post("/v1/bookings", json=PARCEL | {"pickup": pickup} | changed)
    answer.raise_for_status()
    return dict(answer.json())


async def haul(ann: Phone, lat: float, address: str) -> dict[str, Any]:
    """A broadcast job."""
    return await order(
        ann, lat, service_type="haul", pickup={"address": address, "lat": lat, "lng": LNG}, dropoff=None
    )


async def go_online(page: Page, lat: float) -> None:
    await page.context.grant_permissions(["geolocation"])
    await page.context.set_geolocation({"latitude": lat, "longitude": LNG})
    await page.get_by_role("button", name="Go online").click()
    await expect(page.get_by_role("heading", name="You are online")).to_be_visible()


@asynccontextmanager
async def driver(
    house: House, screen: Screen, lat: float, name: str = "dan", **looks: Any
) -> AsyncIterator[tuple[Page, str]]:
    """An approved driver's screen, online at this latitude; and the driver's id."""
    sub = f"{name}-{uuid4()}"
    await approved(house, sub, name=name.title())
    async with screen(sub, "pilot", **looks) as page:
        await go_online(page, lat)
        yield page, sub


@asynccontextmanager
async def driving(house: House, lat: float, lng: float = LNG) -> AsyncIterator[Phone]:
    """Another driver, without a browser."""
    sub = f"eve-{uuid4()}"
    await approved(house, sub, name="Eve")
    async with phone(house, sub, "pilot") as app:
        assert (await app.call("pilot:online", {"lat": lat, "lng": lng}))["ok"]
        yield app


def offer_on(page: Page) -> Locator:
    return page.get_by_role("dialog", name="New offer")


def button(within: Page | Locator, name: str) -> Locator:
    return within.get_by_role("button", name=name, exact=True)


async def expect_step(page: Page, word: str) -> None:
    steps = page.get_by_role("list", name="Steps of the job").get_by_role("listitem")
    await expect(steps.filter(has_text=word)).to_have_attribute("aria-current", "step")


async def test_a_new_driver_is_approved_takes_an_offer_and_sees_the_job_through(
    house: House, screen: Screen
) -> None:
    """D2, B15, C2, C3, C7, C12: reloads on the way show the same."""
    dan, lat = f"dan-{uuid4()}", 10.0
    async with customer(house) as ann, screen(dan, "pilot", excused="404") as page:
        await page.get_by_label("Name").fill("Dan")
        await page.get_by_label("Vehicle type").fill("Van")
        await button(page, "Register").click()
        await expect(page.get_by_role("heading", name="Waiting for approval")).to_be_visible()
        async with phone(house, "root", "admin") as root:
            (await root.http.post(f"/v1/drivers/{dan}/approve")).raise_for_status()
        await go_online(page, lat)

        job = await order(ann, lat + 0.01)
        await _is_a_whole_offer(page)
        await page.reload()
        await _is_a_whole_offer(page)
        await button(offer_on(page), "Accept").click()
        await expect(offer_on(page)).to_have_count(0)
        assigned = await ann.hears("booking:driver_assigned", bookingId=job["id"])
        assert assigned["pilot"]["name"] == "Dan"

        await _is_followed(page, ann, job, lat)
        await _takes_every_step(page, ann, job)
        await expect(page.get_by_text("Cash collected: 42.50.")).to_be_visible()
        await button(page, "Go offline").click()
        await expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
        async with phone(house, dan, "pilot") as app:
            me = (await app.http.get("/v1/drivers/me")).json()
            assert (me["state"], me["completed_jobs"], me["vehicle_type"]) == ("offline", 1, "van")


async def _is_a_whole_offer(page: Page) -> None:
    """It says all that a driver wants to know; and nothing but an answer closes it."""
    offer = offer_on(page)
    for text in (
        "1 Main St",
        "1.1 km from you",
        "9 Dock Rd",
        "Three boxes of books",
        "Ring twice",
        "Cash to collect",
    ):
        await expect(offer).to_contain_text(text)
    await expect(page).to_have_title("New offer · Waggle")
    await expect(offer.get_by_role("heading")).to_be_focused()
    for key in ("Escape", "Escape", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab"):
        await page.keyboard.press(key)
        assert await page.evaluate("!document.querySelector('main').contains(document.activeElement)")
    await expect(offer).to_be_visible()


async def _is_followed(page: Page, ann: Phone, job: dict[str, Any], lat: float) -> None:
    """On a job a move of more than 50 m is told within seconds, and the customer sees it."""
    assert (await ann.call("booking:subscribe", {"bookingId": job["id"]}))["ok"]
    await page.context.set_geolocation({"latitude": lat + 0.005, "longitude": LNG})
    await ann.finds("location:update", lambda seen: abs(seen["lat"] - lat - 0.005) < 1e-6)


async def _takes_every_step(page: Page, ann: Phone, job: dict[str, Any]) -> None:
    card = page.get_by_role("region", name=f"Your job {job['number']}")
    link = card.get_by_role("link", name="Open in maps: 9 Dock Rd")
    await expect(link).to_have_attribute("href", re.compile(r"^geo:40.7,10\?q=40.7,10\(9%20Dock%20Rd\)$"))
    await expect_step(page, "Accepted")
    for action, status, word in (
        ("I am on my way", "en_route", "On the way"),
        ("I have arrived", "arrived", "Arrived"),
        ("Start the job", "in_progress", "In progress"),
    ):
        await button(card, action).click()
        await ann.hears("booking:status", bookingId=job["id"], status=status)
        await expect_step(page, word)
    await page.reload()
    await expect_step(page, "In progress")
    await button(card, "Complete the job").click()
    await ann.hears("booking:status", bookingId=job["id"], status="completed")
    await expect(page.get_by_text(f"{job['number']} is completed.")).to_be_visible()
    await expect(card).to_have_count(0)


async def test_the_ring_counts_down_to_red_and_only_the_server_takes_the_offer_away(
    house: House, screen: Screen
) -> None:
    """D2, B4, B11: withdrawn when the customer cancels, and expired when its time is over."""
    lat = 12.0
    async with customer(house) as ann, driver(house, screen, lat) as (page, _):
        now: float = await page.evaluate("Date.now() / 1_000")
        await page.clock.set_fixed_time(now)
        job = await order(ann, lat)
        ring = page.get_by_role("timer")
        await expect(ring).to_have_accessible_name(re.compile("seconds left"))
        seconds = int((await ring.get_attribute("aria-label") or "").split()[0])

        red = await page.evaluate("""() => {
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.color = "var(--bad)";
          return getComputedStyle(probe).color;
        }""")
        for left, urgent in ((12, False), (11, False), (10, True), (1, True), (0, True)):
            await page.clock.set_fixed_time(now + seconds - left)
            await expect(ring).to_have_accessible_name(f"{left} seconds left")
            assert (await ring.evaluate("ring => getComputedStyle(ring).color") == red) is urgent
        await page.clock.set_fixed_time(now + seconds + 60)
        await expect(ring).to_have_accessible_name("0 seconds left")
        await expect(button(offer_on(page), "Accept")).to_be_enabled()
        (await ann.http.post(f"/v1/bookings/{job['id']}/cancel")).raise_for_status()
        await expect(offer_on(page)).to_have_count(0)

        brief = await order(ann, lat, service_type="brief")
        await expect(offer_on(page)).to_contain_text(brief["number"])
        await expect(offer_on(page)).to_have_count(0)
        await ann.hears("booking:offer_expired", bookingId=brief["id"])


async def test_an_answer_from_before_going_offline_does_not_bring_the_driver_back(
    house: House, screen: Screen
) -> None:
    """D2, C2: after a job the page asks who it is; the driver has gone offline when the answer comes."""
    lat, held = 14.0, list[tuple[Route, APIResponse]]()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        if (await answer.json())["state"] == "available":
            held.append((route, answer))
        else:
            await route.fulfill(response=answer)

    async with customer(house) as ann, driver(house, screen, lat) as (page, sub):
        job = await order(ann, lat)
        await button(offer_on(page), "Accept").click()
        await expect_step(page, "Accepted")
        await page.route("**/v1/drivers/me", hold)
        await _takes_every_step_in_a_row(page, ann, job)
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not held:
                await asyncio.sleep(0.05)
        await button(page, "Go offline").click()
        await expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
        [(route, answer)] = held
        async with page.expect_response("**/v1/drivers/me") as told:
            await route.fulfill(response=answer)
        await (await told.value).finished()
        await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        await expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
        await page.unroute_all()
        await page.reload()
        await expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
        async with phone(house, sub, "pilot") as app:
            assert (await app.http.get("/v1/drivers/me")).json()["state"] == "offline"


async def _takes_every_step_in_a_row(page: Page, ann: Phone, job: dict[str, Any]) -> None:
    card = page.get_by_role("region", name=f"Your job {job['number']}")
    for action, status in (
        ("I am on my way", "en_route"),
        ("I have arrived", "arrived"),
        ("Start the job", "in_progress"),
        ("Complete the job", "completed"),
    ):
        await button(card, action).click()
        await ann.hears("booking:status", bookingId=job["id"], status=status)


async def test_a_driver_who_declines_is_not_asked_again_and_the_next_one_is(
    house: House, screen: Screen
) -> None:
    """D2, B5, B6: a driver whose browser does not tell where it is, and who shows it on the map."""
    dan = f"dan-{uuid4()}"
    await approved(house, dan, name="Dan")
    place: dict[str, Any] = {
        "address": "1 Main St",
        "lat": 40.75,
        "lng": -73.97,
    }  # the middle of a map without points
    async with (
        customer(house) as ann,
        driving(house, place["lat"] + 0.01, place["lng"]) as eve,
        screen(dan, "pilot") as page,
    ):
        await button(page, "Go online").click()
        await expect(page.get_by_text("Press the place on the map where you are.")).to_be_visible()
        ground = page.get_by_role("application")
        await expect(ground).to_have_attribute("data-ready", "")
        await ground.click()
        await expect(page.get_by_text("Your position is the one you chose.")).to_be_visible()

        job = await order(ann, 0, pickup=place)
        await expect(offer_on(page)).to_contain_text("0 m from you")
        assert eve.heard("booking:offer") == []
        await button(offer_on(page), "Decline").click()
        await eve.hears("booking:offer", bookingId=job["id"])
        await expect(offer_on(page)).to_have_count(0)
        await page.reload()
        await expect(page.get_by_role("heading", name="You are online")).to_be_visible()
        await expect(offer_on(page)).to_have_count(0)


async def test_the_feed_empties_as_others_accept_and_a_late_press_is_answered_in_words(
    house: House, screen: Screen
) -> None:
    """D2, A1, A5, A7, A9, B11, C12: and so is a step that does not come next, for the job as it is."""
    lat = 20.0
    async with (
        customer(house) as ann,
        driver(house, screen, lat, "dan") as (dan, _),
        driver(house, screen, lat, "eve") as (eve, eve_id),
        driving(house, lat) as fay,
    ):
        far, near = await haul(ann, lat + 0.02, "9 Far St"), await haul(ann, lat + 0.01, "2 Near St")
        for page in (dan, eve):
            await expect(jobs_on(page)).to_contain_text(["2 Near St", "9 Far St"])
        await button(dan, f"Accept {near['number']}").click()
        await expect(dan.get_by_role("region", name=f"Your job {near['number']}")).to_be_visible()
        await expect(jobs_on(eve)).to_contain_text(["9 Far St"])
        await expect(button(dan, f"Accept {far['number']}")).to_be_disabled()

        held = await _hold_back(eve, "job:accepted", "booking:status")
        await expect(jobs_on(eve)).to_contain_text(["9 Far St"])
        assert (await fay.call("offer:accept", {"bookingId": far["id"]}))["ok"]
        await expect(jobs_on(dan)).to_contain_text(["Nothing just now."])
        await button(eve, f"Accept {far['number']}").click()
        await expect(eve.get_by_role("alert")).to_have_text("Another driver has taken this job.")
        await expect(jobs_on(eve)).to_contain_text(["Nothing just now."])
        assert any("job:accepted" in frame for frame in held)

        await _sees_a_step_taken_elsewhere(house, ann, eve, eve_id, await haul(ann, lat, "5 Third St"))


def jobs_on(page: Page) -> Locator:
    """The feed, from its top."""
    return page.get_by_role("region", name="Open jobs").get_by_role("listitem")


async def _hold_back(page: Page, *names: str) -> list[str]:
    """These events do not reach the page from now on, nor newer feeds, as if all were still under way."""
    held: list[str] = []

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            if any(name in str(frame) for name in names):
                held.append(str(frame))
            else:
                socket.send(frame)

        server.on_message(pass_on)

    answers: list[APIResponse] = []

    async def answer_as_before(route: Route) -> None:
        if not answers:
            answers.append(await route.fetch())
        await route.fulfill(response=answers[0])

    await page.route_web_socket(re.compile("/socket.io/"), connect)
    await page.route("**/v1/jobs/available", answer_as_before)
    async with page.expect_response("**/v1/jobs/available"):
        await page.reload()
    return held


async def _sees_a_step_taken_elsewhere(
    house: House, ann: Phone, page: Page, driver_id: str, job: dict[str, Any]
) -> None:
    """On the driver's other device, of which this screen has not heard; then the customer cancels."""
    await button(page, f"Accept {job['number']}").click()
    await expect_step(page, "Accepted")
    async with phone(house, driver_id, "pilot") as other:
        for status in ("en_route", "arrived"):
            await ann.hears("booking:status", bookingId=job["id"], status="accepted")
            taken = {"bookingId": job["id"], "status": status}
            assert (await other.call("booking:update_status", taken))["ok"]
    await button(page, "I am on my way").click()
    await expect(page.get_by_role("alert")).to_contain_text("That step does not come next.")
    await expect_step(page, "Arrived")
    (await ann.http.post(f"/v1/bookings/{job['id']}/cancel")).raise_for_status()
    await expect(page.get_by_text(f"{job['number']} was cancelled.")).to_be_visible()
    await expect(page.get_by_role("heading", name="You are online", exact=True)).to_be_visible()


async def test_the_screen_is_legible_in_both_themes_on_a_phone(house: House, screen: Screen) -> None:
    """D4"""
    looks = {}
    for lat, theme in ((30.0, "light"), (32.0, "dark")):
        async with (
            customer(house) as ann,
            driver(house, screen, lat, theme=theme, phone=True) as (page, _),
        ):
            await haul(ann, lat, "A rather long address, 12345 Somewhere Boulevard")
            await expect(jobs_on(page)).to_contain_text(["A rather long address"])
            await _is_legible(page)
            looks[theme] = await colours(page, page.get_by_role("region", name="Open jobs"))
            await order(ann, lat)
            await expect(offer_on(page)).to_be_visible()
            await _is_legible(page)
            await button(offer_on(page), "Accept").click()
            await expect_step(page, "Accepted")
            await _is_legible(page)
    assert all(light != dark for light, dark in zip(looks["light"], looks["dark"], strict=True))


async def _is_legible(page: Page) -> None:
    assert await hard_to_read(page) == []
    assert await sideways(page) <= 0
