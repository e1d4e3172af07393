"""A customer on one edge, a driver on the other, and the four services between them."""

import asyncio
import json
from uuid import uuid4

import httpx
import nats
from bench.trace import hops_of
from tests.e2e.phone import approved, phone

from contracts.subjects import live, of_customer, of_driver, of_job

PICKUP = {"address": "1 Main St", "lat": 40.75, "lng": -73.98}


async def connections(house):
    """The edges' connections to NATS as the server sees them, by the subjects they subscribe to."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{house.nats_monitor_url}/connz", params={"subs": "detail"})
    edges = [one for one in answer.json()["connections"] if one.get("name") == "realtime"]
    return [{sub["subject"]: sub for sub in one.get("subscriptions_list_detail", [])} for one in edges]


async def edges_sent(house, subject, messages):
    """The edges' connections, once the server has counted so many messages on the one with this subject."""
    async with asyncio.timeout(60):
        while True:
            edges = await connections(house)
            if edge_of(edges, subject)[subject]["msgs"] >= messages:
                return edges
            await asyncio.sleep(0.05)


def edge_of(edges, subject):
    [found] = [subscriptions for subscriptions in edges if subject in subscriptions]
    return found


async def test_a_customer_on_one_edge_and_a_driver_on_the_other_complete_a_job(two_edges):
    """B1-B3, B7, C3, C6, C8, C12, E3: and each edge is sent nothing that is meant for the other alone."""
    house = two_edges
    customer_id, driver_id = f"customer-{uuid4()}", f"driver-{uuid4()}"
    await approved(house, driver_id)
    async with (
        phone(house, customer_id, "user", edge="realtime") as customer,
        phone(house, driver_id, "pilot", edge="realtime-2") as driver,
    ):
        assert (await driver.call("pilot:online", {"vehicleId": "v1", "lat": 40.751, "lng": -73.981}))["ok"]
        wiretap = await nats.connect(house.nats_url, **house.nats_operator)
        everything = await wiretap.subscribe(">")
        await wiretap.flush()

        order = {"service_type": "courier", "pickup": PICKUP, "total_price": 12.5}
        answer = await customer.http.post("/v1/bookings", json=order)
        assert answer.status_code == 201, answer.text
        booking = answer.json()
        job = {"bookingId": booking["id"]}

        assert (await customer.hears("booking:created"))["bookingNumber"] == booking["number"]
        await customer.hears("booking:search_started", message="Finding a driver for you...")
        offer = await driver.hears("booking:offer", **job)
        assert offer["pickup"] == PICKUP
        await customer.hears("booking:offer_sent", pilotNumber=1, message="Offer sent to driver 1...")

        assert (await driver.call("offer:accept", job))["ok"]
        assigned = await customer.hears("booking:driver_assigned", **job)
        assert assigned["message"] == "Ada has accepted your booking!"
        assert assigned["pilot"]["id"] == driver_id
        await customer.hears("booking:status", status="accepted")

        assert (await customer.call("booking:subscribe", job))["ok"]
        hers, his = live(of_customer(customer_id)), live(of_driver(driver_id))
        subscribed = edge_of(await connections(house), hers)
        position = {"lat": 40.7502, "lng": -73.9802, "speed": 5}
        assert await driver.call("pilot:location", position) == {"ok": True}
        moved = await customer.hears("location:update")
        assert (moved["lat"], moved["lng"], moved["speed"]) == (40.7502, -73.9802, 5)
        for status in ("en_route", "arrived", "in_progress", "completed"):
            ack = await driver.call("booking:update_status", job | {"status": status})
            assert ack["ok"], ack
            await customer.hears("booking:status", status=status)

        names = [name for name, _ in customer.events if name.startswith("booking:")]
        assert names.count("booking:driver_assigned") == names.count("booking:created") == 1, names
        statuses = [one["status"] for one in customer.heard("booking:status")]
        assert statuses == ["accepted", "en_route", "arrived", "in_progress", "completed"], "each once"

        await wiretap.flush()
        concerned = [subject for subject in published(everything) if f".{customer_id}." in subject]
        edges = await edges_sent(house, hers, len(concerned))
        customers, drivers = edge_of(edges, hers), edge_of(edges, his)
        assert customers is not drivers
        assert his not in customers
        assert hers not in drivers
        assert live(of_job(booking["id"])) in subscribed
        assert not [one for one in subscribed if driver_id.encode().hex() in one or one.endswith(driver_id)]
        assert customers[hers]["msgs"] == len(concerned)
        await wiretap.close()


def published(wiretap):
    """Subjects of dispatch events that were published so far; what consumers were delivered left out."""
    queue = wiretap._pending_queue
    while not queue.empty():
        message = queue.get_nowait()
        if message.subject.count(".") == 4 and not message.reply.startswith("$JS.ACK"):
            yield message.subject


async def offered(house, trace_id):
    """A driver has been offered an order that belongs to this trace."""
    driver_id = f"driver-{uuid4()}"
    await approved(house, driver_id)
    async with (
        phone(house, f"customer-{uuid4()}", "user", edge="realtime") as customer,
        phone(house, driver_id, "pilot", edge="realtime-2") as driver,
    ):
        there = {"lat": -33.86, "lng": 151.2}  # nobody else is
        assert (await driver.call("pilot:online", there))["ok"]
        order = {"service_type": "courier", "pickup": {"address": "Quay", **there}, "total_price": 5}
        traceparent = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
        answer = await customer.http.post("/v1/bookings", json=order, headers=traceparent)
        await driver.hears("booking:offer", bookingId=answer.json()["id"])
        await driver.hears("notification")
        await customer.http.post(f"/v1/bookings/{answer.json()['id']}/cancel")


def way_to(hops, name):
    """From the span of this name back to the first one that is known."""
    by_id = {hop.span_id: hop for hop in hops}
    way = [hop for hop in hops if hop.name == name][:1]
    while way and way[-1].parent_id in by_id:
        way.append(by_id[way[-1].parent_id])
    return way


async def from_booking_to(folder, trace_id, name):
    """That way, once it is whole: each process writes its spans in batches of its own."""
    async with asyncio.timeout(20):
        while True:
            way = way_to(hops_of(folder, trace_id), name)
            if way and way[-1].service == "booking" and way[-1].name.startswith("POST"):
                return way
            await asyncio.sleep(0.1)


async def test_one_trace_goes_from_the_request_to_the_socket_and_to_the_push(two_edges):
    """An order is one trace over four processes, also if its driver is found by a later look."""
    trace_id, traces = uuid4().hex, two_edges.state / "traces"
    await offered(two_edges, trace_id)
    way = await from_booking_to(traces, trace_id, "emit booking:offer")
    assert [hop.service for hop in way][:2] == ["realtime", "matching"]
    way = await from_booking_to(traces, trace_id, "emit notification")
    assert [hop.service for hop in way][:3] == ["realtime", "push", "matching"]


async def test_an_event_of_another_customers_job_never_arrives(two_edges):
    """C6, E3."""
    house = two_edges
    async with phone(house, "nosy", "user") as nosy, phone(house, "owner", "user") as owner:
        order = {"service_type": "courier", "pickup": PICKUP | {"lat": 10.0}, "total_price": 1}
        booking = (await owner.http.post("/v1/bookings", json=order)).json()
        await owner.hears("booking:no_pilots", message="No pilots available in your area")
        ack = await nosy.call("booking:subscribe", {"bookingId": booking["id"]})
        assert (ack["ok"], ack["error"]["code"]) == (False, "not_found")
        assert json.dumps(nosy.events).count(booking["id"]) == 0
        assert (await nosy.http.get(f"/v1/bookings/{booking['id']}")).status_code == 404


async def test_a_broadcast_job_is_taken_by_one_and_leaves_everybodys_feed(two_edges):
    """A1, A5, A7."""
    house = two_edges
    drivers = [f"hauler-{uuid4()}" for _ in range(3)]
    for driver_id in drivers:
        await approved(house, driver_id)
    place = {"lat": 30.0, "lng": 30.0}
    async with (
        phone(house, "hauls", "user") as customer,
        phone(house, drivers[0], "pilot", edge="realtime") as one,
        phone(house, drivers[1], "pilot", edge="realtime-2") as two,
        phone(house, drivers[2], "pilot", edge="realtime-2") as far_away,
    ):
        for driver in (one, two):
            assert (await driver.call("pilot:online", place))["ok"]
            assert (await driver.call("pilot:location", place))["ok"]
        assert (await far_away.call("pilot:online", {"lat": 31.0, "lng": 31.0}))["ok"]
        order = {"service_type": "haul", "pickup": {"address": "Depot", **place}, "total_price": 90}
        booking = (await customer.http.post("/v1/bookings", json=order)).json()
        for driver in (one, two):
            job = await driver.hears("job:new", id=booking["id"])
            assert (job["address"], job["lat"], job["total_price"]) == ("Depot", 30.0, 90)
        acks = await asyncio.gather(
            *(driver.call("offer:accept", {"bookingId": booking["id"]}) for driver in (one, two))
        )
        assert sorted(ack["ok"] for ack in acks) == [False, True]
        [lost] = [ack for ack in acks if not ack["ok"]]
        assert lost["error"]["message"] == "Job already accepted by another driver"
        winner = drivers[acks.index(next(ack for ack in acks if ack["ok"]))]
        for driver in (one, two, far_away):
            told = await driver.hears("job:accepted", job_id=booking["id"])
            assert told == {"job_id": booking["id"], "status": "accepted", "driver_id": winner}
        assert far_away.heard("job:new") == []


async def test_a_ride_is_seen_in_the_track_and_on_the_dashboard(two_edges):
    """C3, C9, C11: what the driver sends on one edge, and what the admin sees on the other."""
    house = two_edges
    customer_id, driver_id = f"customer-{uuid4()}", f"driver-{uuid4()}"
    await approved(house, driver_id)
    async with (
        phone(house, "watcher", "admin", edge="realtime") as admin,
        phone(house, customer_id, "user", edge="realtime") as customer,
        phone(house, driver_id, "pilot", edge="realtime-2") as driver,
    ):
        assert (await admin.call("admin:subscribe"))["ok"]
        before = await admin.hears("dashboard:stats")
        pickup = {"address": "Pier", "lat": 20.0, "lng": 20.0}
        assert (await driver.call("pilot:online", {"lat": 20.001, "lng": 20.001}))["ok"]
        order = {"service_type": "courier", "pickup": pickup, "total_price": 8}
        booking = (await customer.http.post("/v1/bookings", json=order)).json()
        job = {"bookingId": booking["id"]}
        await driver.hears("booking:offer", **job)
        assert (await driver.call("offer:accept", job))["ok"]
        await customer.hears("booking:status", status="accepted")
        figures = {name: before[name] + 1 for name in ("activeBookings", "assignedSearches")}
        during = await admin.finds(
            "dashboard:stats", lambda stats: figures.items() <= stats.items() and stats["busyPilots"]
        )
        assert during["onlinePilots"] >= during["busyPilots"]

        assert (await customer.call("booking:subscribe", job))["ok"]
        assert await driver.call("pilot:location", {"lat": 20.0005, "lng": 20.0004}) == {"ok": True}
        await customer.hears("location:update", lat=20.0005, lng=20.0004)
        assert await tracked(customer, booking) == [(20.0005, 20.0004)]
        assert (await driver.http.get(f"/v1/bookings/{booking['id']}/track")).status_code == 200
        for status in ("en_route", "arrived", "in_progress", "completed"):
            assert (await driver.call("booking:update_status", job | {"status": status}))["ok"]
        ended = figures | {"activeBookings": before["activeBookings"]}
        await admin.hears("dashboard:stats", **ended)


async def tracked(app, booking):
    """The positions of its history, once there are any."""
    async with asyncio.timeout(60):
        while True:
            answer = await app.http.get(f"/v1/bookings/{booking['id']}/track")
            assert answer.status_code == 200, answer.text
            if items := answer.json()["items"]:
                return [(one["lat"], one["lng"]) for one in items]
            await asyncio.sleep(0.05)
