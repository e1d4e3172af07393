"""What comes in from one client, alone."""

import asyncio
import time

from sio.line import MOST_WAITING, Line


class Source:
    """Packets come from the test; what it is told is written down."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.resumed = asyncio.Event()

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")
        self.resumed.set()


async def test_nothing_overtakes_what_waits_for_its_time() -> None:
    """C1: also when there is time for it before the timer goes off."""
    handled: list[bytes] = []
    source = Source()
    line = Line(handled.append, source, rate=20)
    for number in range(23):
        line.put(b"%d" % number)
    assert (len(handled), len(line), source.told) == (20, 3, ["pause"])
    time.sleep(0.12)  # noqa: ASYNC251  # two more are earned, and no timer could go off
    line.put(b"23")
    assert len(handled) == 20
    async with asyncio.timeout(60):
        await source.resumed.wait()
    assert handled == [b"%d" % number for number in range(24)]
    assert source.told == ["pause", "resume"]


async def test_behind_one_that_is_not_done_only_so_many_wait() -> None:
    """C1"""
    handled: list[bytes] = []
    source = Source()
    line = Line(handled.append, source, rate=1e9)
    line.busy = True
    for number in range(MOST_WAITING):
        assert source.told == []
        line.put(b"%d" % number)
    assert (handled, source.told) == ([], ["pause"])
    line.busy = False
    line.go_on()
    assert (len(handled), source.told, line.idle) == (MOST_WAITING, ["pause", "resume"], True)


async def test_who_has_left_is_not_held_back_any_more() -> None:
    handled: list[bytes] = []
    line = Line(handled.append, Source(), rate=1)
    for number in range(50):
        line.put(b"%d" % number)
    assert len(handled) == 1
    line.hurry()
    assert len(handled) == 50


async def test_what_is_forgotten_is_not_handled_later() -> None:
    handled: list[bytes] = []
    source = Source()
    line = Line(handled.append, source, rate=20)
    for number in range(30):
        line.put(b"%d" % number)
    line.clear()
    assert line.idle
    line.go_on()
    assert len(handled) == 20
