"""A driver's app in fifteen lines: go online, take the first offer. `python driver.py URL TOKEN`"""

import asyncio
import sys

import socketio


async def main(url: str, token: str) -> None:
    app, taken = socketio.AsyncClient(), asyncio.Event()

    @app.on("booking:offer")
    async def offered(offer: dict[str, str]) -> None:
        print("offered:", offer["bookingNumber"], "->", await app.call("offer:accept", offer))
        taken.set()

    await app.connect(url, auth={"token": token}, transports=["websocket"])
    place = {"lat": 40.7505, "lng": -73.9934}
    print("online:", await app.call("pilot:online", {"vehicleId": "van-1", **place}))
    while not taken.is_set():
        await app.emit("pilot:location", place)  # who says nothing for a minute is taken offline
        await asyncio.wait([asyncio.create_task(taken.wait())], timeout=30)
    await app.disconnect()


asyncio.run(main(sys.argv[1], sys.argv[2]))
