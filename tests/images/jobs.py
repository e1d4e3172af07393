"""What people do in the house, as their phones see it."""

from uuid import uuid4

from tests.e2e.phone import Phone, approved, phone

from .fleet import Fleet

HERE = {"lat": 40.75, "lng": -73.98}
ORDER = {
    "service_type": "courier",
    "pickup": {"address": "12 Main St", **HERE},
    "dropoff": {"address": "1 High St", "lat": 40.76, "lng": -73.97},
    "total_price": 45,
}


async def order(app: Phone) -> str:
    """A booking of this customer; its id."""
    answer = await app.http.post("/v1/bookings", json=ORDER, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def a_job(house: Fleet) -> str:
    """From the order to the end, as the two phones see it, and the driver's push; its id."""
    driver_id, customer_id, token = f"d-{uuid4()}", f"c-{uuid4()}", uuid4().hex * 2
    await approved(house, driver_id)
    async with phone(house, driver_id, "pilot") as driver, phone(house, customer_id, "user") as customer:
        registered = await driver.http.post("/v1/devices", json={"token": token, "platform": "ios"})
        assert registered.status_code == 201, registered.text
        assert (await driver.call("pilot:online"))["ok"]
        assert (await driver.call("pilot:location", HERE))["ok"]
        booking = await order(customer)
        await driver.hears("booking:offer", bookingId=booking)
        assert (await house.apns.next_push(token)).title == "New Delivery Offer"
        assert (await driver.call("offer:accept", {"bookingId": booking}))["ok"]
        await customer.hears("booking:driver_assigned", bookingId=booking)
        await customer.hears("booking:status", bookingId=booking, status="accepted")
        for step in ("en_route", "arrived", "in_progress", "completed"):
            said = await driver.call("booking:update_status", {"bookingId": booking, "status": step})
            assert said["ok"], said
            await customer.hears("booking:status", bookingId=booking, status=step)
        assert (await driver.call("pilot:offline"))["ok"]
        return booking
