"""Who is here: answered when the bus asks, and followed when matching changes what a driver is."""

import asyncio
import contextlib

from nats.aio.msg import Msg

from contracts.events import DriverStatusChanged
from contracts.requests import FindDriver, FindEdge, Present
from realtime import rooms
from realtime.edge import Edge
from wire.problem import ProblemError

ABOUT_DRIVERS = "presence.driver."


async def answer_for_edge(edge: Edge) -> None:
    """Whoever asks from now on is told that this edge lives; until its connection ends."""

    async def answer(message: Msg) -> None:
        await _respond(edge, message)

    await edge.nc.subscribe(FindEdge(edge_id=edge.id).subject(), cb=answer)


async def answer_for_driver(edge: Edge, message: Msg) -> None:
    """The driver that is asked for has a socket here; no answer if the last one has just closed."""
    asked = FindDriver.model_validate_json(message.data)
    if edge.members.inside([rooms.driver_name(asked.driver_id)]):
        await _respond(edge, message)


async def _respond(edge: Edge, message: Msg) -> None:
    if message.reply:
        await edge.nc.publish(message.reply, Present(edge_id=edge.id).model_dump_json().encode())


async def follow(edge: Edge, event: DriverStatusChanged) -> None:
    """A driver went on- or offline, by whatever way: its sockets here enter or leave the feed's room (A7)."""
    driver = edge.drivers.get(event.driver_id)
    if driver is None or not driver.change(event):
        return
    for socket in edge.members.inside([rooms.driver_name(event.driver_id)]):
        if not driver.online:
            await edge.members.leave(socket, rooms.ONLINE_DRIVERS.name)
        elif session := edge.sessions.get(socket):
            # Not awaited: the first to enter waits for the bus, and other events must not wait with it.
            task = asyncio.create_task(_enter_feed(edge, socket))
            session.tasks.add(task)
            task.add_done_callback(session.tasks.discard)


async def _enter_feed(edge: Edge, socket: str) -> None:
    with contextlib.suppress(ProblemError):  # the bus is away; the driver's next word puts it there
        await edge.members.enter(socket, rooms.ONLINE_DRIVERS)
