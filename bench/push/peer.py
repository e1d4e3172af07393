"""The sender on node-apn: pushes from memory, pushes from a queue of its own, their delay; and the receiver's
ceiling, which its program can measure as well."""

from bench.peers import node_push
from bench.peers.node_process import NodeProcess
from bench.push.world import SENDER_CORE, Busy, Found, Sizes, World, all_came_once, delays

AT_ONCE = 200
"""Pushes under way at the same time; of 50 to 2,000 none was faster."""
FLOOD_AT_ONCE = 500


async def run(world: World, sizes: Sizes) -> Found:
    """`memory`, `rows`, `ceiling` a second, `p50`, `p99`, and how busy sender and receiver were."""
    url = await world.house.fresh_database()
    await node_push.fill(url, sizes.pushes)
    async with node_push.sender(world.target, SENDER_CORE) as sender:
        found = await _flood(world, sizes, sender)
        await sender.do("memory", sizes.warm_up, AT_ONCE)
        await all_came_once(world.sink, sizes.warm_up)
        found |= await _timed(world, sizes, sender, "memory", sizes.pushes)
        found |= await _timed(world, sizes, sender, "rows", *node_push.place(url))
        if await node_push.settled(url) != sizes.pushes:
            raise RuntimeError("the peer did not write all back")
        handed_over = dict(await sender.do("steady", sizes.steady, sizes.rate))
        return found | await delays(world.sink, handed_over)


async def _flood(world: World, sizes: Sizes, sender: NodeProcess) -> Found:
    """Pushes without a library, all alike: the receiver takes at least so many a second."""
    await sender.do("flood", sizes.warm_up, FLOOD_AT_ONCE)
    await world.sink.do("forget")
    busy = Busy(ceiling_sink_busy=world.sink.process)
    seconds = float(await sender.do("flood", sizes.pushes, FLOOD_AT_ONCE))
    await all_came_once(world.sink, sizes.pushes)
    return {"ceiling": sizes.pushes / seconds, **busy.shares(seconds)}


async def _timed(world: World, sizes: Sizes, sender: NodeProcess, name: str, *arguments: object) -> Found:
    busy = Busy(**{f"{name}_busy": sender.process, f"{name}_sink_busy": world.sink.process})
    seconds = float(await sender.do(name, *arguments, AT_ONCE))
    await all_came_once(world.sink, sizes.pushes)
    return {name: sizes.pushes / seconds, **busy.shares(seconds)}
