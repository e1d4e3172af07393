"""This replica's share of the regions: what `territory` keeps true, and what use cases go by.

It says who has the map, never who may decide: that is the database's, whoever owns what.
"""

import asyncio
from uuid import UUID

WAITING = 10_000
"""Searches that wait to be passed on; past it they are left to their owner's sweep."""


class Share:
    """`known`: every region, with the largest radius (metres) of its jobs. `owned`: which of them are ours.
    `ready`: those of them that the map is filled for, and up to which radius."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.owned: frozenset[str] = frozenset()
        self.ready: dict[str, int] = {}
        self.changed = asyncio.Event()
        """The table of replicas or that of regions is to be read again."""
        self.news = False
        """We have changed it; the others do not know yet."""
        self.elsewhere: asyncio.Queue[tuple[str, UUID]] = asyncio.Queue(WAITING)
        """Searches to be passed on, with their regions."""

    def covers(self, region: str, radius_m: int) -> bool:
        """Whether our map holds everybody who is so near to any place in this region."""
        return self.ready.get(region, -1) >= radius_m

    def learn(self, region: str, radius_m: int) -> None:
        """A region is new, or its radius has grown; it is committed."""
        self.known[region] = max(radius_m, self.known.get(region, -1))
        self.tell()

    def tell(self) -> None:
        """The tables are not what the others take them for."""
        self.news = True
        self.changed.set()

    def pass_on(self, region: str, search_id: UUID) -> None:
        """A search that waits for this region's owner, and is committed. One that gets lost is found by the
        owner's sweep; so is one whose owner we are ourselves and are not ready to be."""
        if region not in self.owned and not self.elsewhere.full():
            self.elsewhere.put_nowait((region, search_id))
