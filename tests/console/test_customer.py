"""The customer's screen: order, search, driver, and what is told, in a real browser on the whole house."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import APIResponse, Page, Route, expect
from tests.console.conftest import PATIENCE_MS, Screen
from tests.console.looks import colours, hard_to_read, pixels, sideways
from tests.e2e.phone import Phone, approved, phone

from stack.house import House
from stack.tokens import Role

pytestmark = pytest.mark.timeout(300)
expect.set_options(timeout=PATIENCE_MS)

UNHURRIED = {
    "steps": [{"policy": "cascade", "offer_seconds": 3600}],
    "search_seconds": 7200,
    "stale_seconds": 3600,
}
"""The courier's rules with time to look: no slow machine lets an offer end."""


@pytest.fixture(scope="module", autouse=True)
async def no_hurry(house: House) -> None:
    async with speaking(house, "root", "admin") as admin:
        (await admin.put("/v1/service-types/courier", json=UNHURRIED)).raise_for_status()


@asynccontextmanager
async def speaking(house: House, sub: str, role: Role) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {house.token(sub, role)}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=60) as http:
        yield http


async def ordered(house: House, customer: str, lat: float) -> str:
    """A booking's id, with a pickup of its own so that tests do not find one another's drivers."""
    pickup = {"address": "1 Quiet Rd", "lat": lat, "lng": 20.0}
    async with speaking(house, customer, "user") as http:
        order = {"service_type": "courier", "pickup": pickup, "total_price": 12}
        answer = await http.post("/v1/bookings", json=order)
        answer.raise_for_status()
        return str(answer.json()["id"])


async def fill_in(page: Page) -> None:
    """The order form: a pickup in the middle of the map, a drop-off beside it."""
    ground = page.get_by_role("application")
    await expect(ground).to_have_attribute("data-ready", "")
    await page.get_by_role("textbox", name="Pickup").fill("1 Main St")
    await ground.click()
    await page.get_by_role("textbox", name="Drop-off").fill("9 Dock Rd")
    await ground.click(position={"x": 60, "y": 120})
    await page.get_by_label("Service", exact=True).select_option("courier")
    await page.get_by_label("Price", exact=True).fill("42,50")
    await page.get_by_label("Payment method").select_option("cash")


@asynccontextmanager
async def driving(house: House, name: str, lat: float, lng: float) -> AsyncIterator[Phone]:
    """A driver who goes home at the end, so that no later test finds it."""
    driver = f"{name}-{uuid4()}"
    await approved(house, driver, name=name)
    async with phone(house, driver, "pilot") as app:
        assert (await app.call("pilot:online", {"lat": lat, "lng": lng}))["ok"]
        yield app
        assert (await app.call("pilot:offline"))["ok"]


async def move(driver: Phone, **position: float) -> None:
    """At most one position a second is used, and nothing tells when the next may come."""
    while (await driver.call("pilot:location", position)).get("dropped"):
        await asyncio.sleep(0.1)


async def advance(driver: Phone, job: dict[str, Any], status: str) -> None:
    answer = await driver.call("booking:update_status", job | {"status": status})
    assert answer["ok"], answer


async def expect_drawn(page: Page, variable: str) -> None:
    """The map shows something of this colour."""
    ground = page.get_by_role("application")
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await pixels(page, ground, variable) < 100:
            await asyncio.sleep(0.2)


async def expect_step(page: Page, word: str) -> None:
    step = page.get_by_role("listitem").filter(has_text=word)
    await expect(step).to_have_attribute("aria-current", "step")


async def test_a_customer_follows_a_booking_from_the_order_to_its_end(house: House, screen: Screen) -> None:
    """D1, B3, B5, B7, B12, C3, C8, C10, A4: by events alone until it is followed; a reload shows the same."""
    async with (
        driving(house, "Dan", 40.751, -73.97) as dan,
        driving(house, "Eve", 40.769, -73.97) as eve,
        screen(f"ann-{uuid4()}", "user") as page,
    ):
        await fill_in(page)
        await page.get_by_role("button", name="Order").click()
        await expect(page.get_by_text("Offer sent to driver 1...")).to_be_visible()
        await expect(page.get_by_text("1 driver tried so far")).to_be_visible()
        job = {"bookingId": (await dan.hears("booking:offer"))["bookingId"]}
        assert page.url == f"{house.url}/console/bookings/{job['bookingId']}"

        assert (await dan.call("offer:decline", job))["ok"]
        await expect(page.get_by_text("Offer sent to driver 2...")).to_be_visible()
        await expect(page.get_by_text("2 drivers tried so far")).to_be_visible()

        assert (await eve.call("offer:accept", job))["ok"]
        card = page.get_by_role("region", name="Your driver")
        await expect(card).to_contain_text("Eve")
        await expect(card).to_contain_text("4.9")
        await expect(card.get_by_role("link")).to_have_attribute("href", "tel:+15550100")
        await expect(page.get_by_role("region", name="News")).to_contain_text("Driver Assigned")
        await expect_step(page, "Driver assigned")
        await _is_followed(page, eve, job)

        for status, word in (("arrived", "At the pickup"), ("in_progress", "Under way")):
            await advance(eve, job, status)
            await expect_step(page, word)
        await advance(eve, job, "completed")
        await expect(page.get_by_text("Completed. Thank you")).to_be_visible()
        await expect(page.get_by_role("button", name="Cancel booking")).to_have_count(0)
        await _was_told(page)


async def _is_followed(page: Page, driver: Phone, job: dict[str, Any]) -> None:
    """C3: the driver comes nearer on the map; a reload finds the last position."""
    await advance(driver, job, "en_route")
    await expect_step(page, "On the way to you")
    seen = page.get_by_role("figure")
    await move(driver, lat=40.769, lng=-73.97)
    await expect(seen).to_contain_text(re.compile(r"\d km from the pickup"))
    await expect_drawn(page, "--map-busy")
    await move(driver, lat=40.753, lng=-73.97)
    near = re.compile(r" \d+ m from the pickup · .*(now|ago)")
    await expect(seen).to_contain_text(near)
    await page.reload()
    await expect(seen).to_contain_text(near)
    await expect_step(page, "On the way to you")


async def _was_told(page: Page) -> None:
    """A4, C10: what was told can be read later, and marked as read."""
    await page.get_by_role("link", name=re.compile(r"Messages \d")).click()
    await expect(page.get_by_role("heading", name="Driver Assigned")).to_be_visible()
    await page.get_by_role("button", name="Mark all as read").click()
    await expect(page.get_by_role("link", name="Messages", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Bookings", exact=True).click()
    past = page.get_by_role("region", name="Past").get_by_role("link")
    await expect(past).to_contain_text("Completed")


async def test_what_was_told_stays_when_answers_to_older_questions_come(house: House, screen: Screen) -> None:
    """D1, B3, B12: the order's own answer comes late, and the page asks for the booking twice."""
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    async def answer_late(route: Route) -> None:
        answer = await route.fetch()
        await dan.hears("booking:offer")
        await route.fulfill(response=answer)

    async with (
        driving(house, "Dan", 40.751, -73.97) as dan,
        driving(house, "Eve", 40.769, -73.97),
        screen(f"ann-{uuid4()}", "user") as page,
    ):
        await fill_in(page)
        await page.route(re.compile("/v1/bookings/[^/]+$"), hold)
        await page.route("**/v1/bookings", answer_late)
        await page.get_by_role("button", name="Order").click()
        await expect(page.get_by_text("Offer sent to driver 1...")).to_be_visible()
        job = {"bookingId": (await dan.hears("booking:offer"))["bookingId"]}
        await page.unroute("**/v1/bookings")
        await _reach(held, 1)
        asked = len(held)
        await page.get_by_role("link", name=re.compile("^Bookings")).click()
        await page.get_by_role("link", name=re.compile("WG-")).click()
        await _reach(held, asked + 1)
        *first, last = held

        for route in first:
            await _answered(page, route)
        assert (await dan.call("offer:decline", job))["ok"]
        await expect(page.get_by_text("Offer sent to driver 2...")).to_be_visible()
        await _answered(page, last)
        await expect(page.get_by_text("Offer sent to driver 2...")).to_be_visible()
        await expect(page.get_by_text("2 drivers tried so far")).to_be_visible()
        await page.unroute_all()
        await page.reload()
        await expect(page.get_by_text("2 drivers tried so far")).to_be_visible()


async def _reach(held: list[Route], count: int) -> None:
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while len(held) < count:
            await asyncio.sleep(0.05)


async def _answered(page: Page, route: Route) -> None:
    """The held question, and the one about the search that follows it, have their answers on the page."""
    async with page.expect_response(re.compile("/search$")) as search:
        await route.continue_()
    await (await search.value).finished()
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


async def test_a_search_that_found_nobody_can_be_repeated_and_cancelled(house: House, screen: Screen) -> None:
    """D1, B8, B10, B11: cancelling asks once more; and a link leads straight to the booking."""
    ann, lat = f"ann-{uuid4()}", 50.0
    booking = await ordered(house, ann, lat)
    async with screen(ann, "user") as page:
        await page.goto(f"{house.url}/console/bookings/{booking}")
        again = page.get_by_role("button", name="Search again")
        await again.click()
        await expect(page.get_by_text("No pilots available in your area").first).to_be_visible()
        await expect(again).to_be_visible()
        async with driving(house, "Dan", lat, 20.0) as dan:
            await again.click()
            await expect(page.get_by_text("Offer sent to driver 1...")).to_be_visible()
            await dan.hears("booking:offer", bookingId=booking)

            await page.get_by_role("button", name="Cancel booking").click()
            await page.get_by_role("button", name="Keep it").click()
            await expect(page.get_by_role("dialog")).to_have_count(0)
            assert dan.heard("offer:withdrawn") == []
            await page.get_by_role("button", name="Cancel booking").click()
            await page.get_by_role("button", name="Yes, cancel it").click()
            await dan.hears("offer:withdrawn", bookingId=booking)
        await expect(page.get_by_text("This booking was cancelled.")).to_be_visible()
        await page.reload()
        await expect(page.get_by_text("This booking was cancelled.")).to_be_visible()


async def test_an_order_whose_answer_was_lost_is_repeated_and_is_one_booking(
    house: House, screen: Screen
) -> None:
    """D1, B1: the line ends after the order has reached the house; the customer reloads, and orders again."""
    ann = f"ann-{uuid4()}"
    answers: list[APIResponse] = []

    async def lose_first_answer(route: Route) -> None:
        if route.request.method != "POST" or answers:
            await route.continue_()
        else:
            answers.append(await route.fetch())
            await route.abort()

    async with screen(ann, "user", excused="net::ERR_FAILED") as page, speaking(house, ann, "user") as http:
        await fill_in(page)
        await page.route("**/v1/bookings", lose_first_answer)
        await page.get_by_role("button", name="Order").click()
        await expect(page.get_by_text("We do not know whether your order has arrived.")).to_be_visible()
        assert [answer.status for answer in answers] == [201]

        await page.reload()
        await expect(page.get_by_label("Price", exact=True)).to_have_value("42,50")
        await page.get_by_role("button", name="Order again").click()
        await expect(page.get_by_role("heading", name=re.compile("^Booking WG-"))).to_be_visible()
        [booking] = (await http.get("/v1/bookings")).json()["items"]
        assert page.url.endswith(booking["id"])
        await page.get_by_role("link", name="New order").click()
        await expect(page.get_by_label("Price", exact=True)).to_have_value("")
        (await http.post(f"/v1/bookings/{booking['id']}/cancel")).raise_for_status()


async def test_the_screen_is_legible_in_both_themes_on_a_phone(house: House, screen: Screen) -> None:
    """D4"""
    ann = f"ann-{uuid4()}"
    booking = await ordered(house, ann, 60.0)
    looks = {}
    for theme in ("light", "dark"):
        async with screen(ann, "user", theme=theme, phone=True) as page:
            await page.get_by_role("button", name="Order").click()
            await expect(page.get_by_text("Enter the address.")).to_be_visible()
            await _is_legible(page)
            looks[theme] = await colours(page, page.get_by_role("region", name="Payment"))
            await page.goto(f"{house.url}/console/bookings/{booking}")
            await expect(page.get_by_role("button", name="Search again")).to_be_visible()
            await _is_legible(page)
            await page.get_by_role("link", name="Messages").click()
            await expect(page.get_by_role("heading", name="No Driver Found")).to_be_visible()
            await _is_legible(page)
    assert all(light != dark for light, dark in zip(looks["light"], looks["dark"], strict=True))
    async with screen(ann, "user", theme="light") as page:
        for _ in ("light", "dark"):
            await page.get_by_role("button", name="Theme").click()
        assert await colours(page, page.get_by_role("region", name="Payment")) == looks["dark"]


@pytest.mark.parametrize("width", [320, 390])
async def test_nothing_is_wider_than_a_narrow_phone_when_everything_is_shown_at_once(
    house: House, screen: Screen, width: int
) -> None:
    """D4: counts in every tab, and word of a connection that is away."""
    ann = f"ann-{uuid4()}"
    async with speaking(house, ann, "user") as http, phone(house, ann, "user") as app:
        place = {"address": "1 Quiet Rd", "lat": 61.0, "lng": 20.0}
        orders = [{"service_type": name, "pickup": place, "total_price": 12} for name in ("haul", "courier")]
        haul, courier = [(await http.post("/v1/bookings", json=order)).json()["id"] for order in orders]
        await app.hears("booking:status", bookingId=courier, status="unfulfilled")
        await app.hears("notification")
        async with screen(ann, "user", phone=True) as page:
            await page.set_viewport_size({"width": width, "height": 700})
            for tab in (re.compile("Bookings . under way"), re.compile("Messages . unread")):
                await expect(page.get_by_role("link", name=tab)).to_be_visible()
            assert await sideways(page) <= 0
            await page.route_web_socket("**/socket.io/**", lambda _silent: None)
            await page.reload()
            await expect(page.get_by_text("Reconnecting…")).to_be_visible()
            assert await sideways(page) <= 0
            assert await hard_to_read(page) == []
        (await http.post(f"/v1/bookings/{haul}/cancel")).raise_for_status()


async def _is_legible(page: Page) -> None:
    assert await hard_to_read(page) == []
    assert await sideways(page) <= 0
