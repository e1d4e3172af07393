"""Which drivers are in which H3 cell, and which cells are in which district."""

from dataclasses import dataclass, field
from struct import Struct

from h3.api import basic_int as h3

from matching.geo import CELL, Point, point
from matching.states import Gate

DISTRICT = 7
"""H3 resolution of the districts, coarse cells of about 5 km²."""
DISTRICT_REACH_M = 1_700.0
"""No point of a district's cells is further from the district's centre, anywhere on earth."""
NEVER = float("-inf")
PLACE = Struct("3d")
"""A point, packed."""


class Cell:
    """The drivers of a cell, and beside them their places, packed.

    A search reads all the places of a cell but few of its drivers, and what lies together is read fastest.
    """

    __slots__ = ("centre", "id", "places", "spots")

    def __init__(self, cell: int) -> None:
        self.id = cell
        self.centre = point(*h3.cell_to_latlng(cell))
        self.spots: list[Spot] = []
        self.places = bytearray()

    def add(self, spot: "Spot", there: Point) -> None:
        """Behind the others."""
        spot.cell, spot.number = self, len(self.spots)
        self.spots.append(spot)
        self.places += PLACE.pack(*there)

    def put(self, spot: "Spot", there: Point) -> None:
        """A new place for a driver of this cell."""
        PLACE.pack_into(self.places, spot.number * PLACE.size, *there)

    def remove(self, spot: "Spot") -> None:
        """The last driver gets the number of the one who leaves."""
        last, place = self.spots.pop(), self.places[-PLACE.size :]
        del self.places[-PLACE.size :]
        if last is not spot:
            last.number, self.spots[spot.number] = spot.number, last
            self.places[last.number * PLACE.size : (last.number + 1) * PLACE.size] = place
        spot.cell = None


@dataclass(slots=True, eq=False)
class Spot:
    """What is known of one driver.

    `seen`: when it was there, in seconds since 1970. `cell`: None while not on the map; `number`: its place
    in the cell's list.
    """

    driver: str
    lat: float = 0.0
    lng: float = 0.0
    seen: float = NEVER
    cell: Cell | None = None
    number: int = 0
    gate: Gate | None = Gate.offline
    vehicle_type: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class District:
    """Those of its cells that have drivers."""

    centre: Point
    cells: set[int] = field(default_factory=set)


class Cells:
    """The cells that have drivers, by id, and their districts."""

    def __init__(self) -> None:
        self.by_id: dict[int, Cell] = {}
        self.districts: dict[int, District] = {}

    def place(self, spot: Spot) -> None:
        """Into the cell of the driver's position."""
        there, cell = point(spot.lat, spot.lng), h3.latlng_to_cell(spot.lat, spot.lng, CELL)
        if spot.cell is not None and spot.cell.id == cell:
            spot.cell.put(spot, there)
            return
        self.remove(spot)
        (self.by_id.get(cell) or self._open(cell)).add(spot, there)

    def remove(self, spot: Spot) -> None:
        """From the cell it is in, if any."""
        if cell := spot.cell:
            cell.remove(spot)
            if not cell.spots:
                self._close(cell.id)

    def _open(self, cell: int) -> Cell:
        parent = h3.cell_to_parent(cell, DISTRICT)
        if parent not in self.districts:
            self.districts[parent] = District(point(*h3.cell_to_latlng(parent)))
        self.districts[parent].cells.add(cell)
        opened = self.by_id[cell] = Cell(cell)
        return opened

    def _close(self, cell: int) -> None:
        del self.by_id[cell]
        parent = h3.cell_to_parent(cell, DISTRICT)
        self.districts[parent].cells.remove(cell)
        if not self.districts[parent].cells:
            del self.districts[parent]
