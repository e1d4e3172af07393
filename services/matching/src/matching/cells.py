"""Which drivers are in which H3 cell, and which cells are in which district."""

from dataclasses import dataclass, field
from struct import Struct

from h3.api import basic_int as h3

from matching.boxes import Box, cells_near
from matching.geo import CELL, Point, point
from matching.states import Gate

DISTRICT = 7
"""H3 resolution of the districts, coarse cells of about 5 km²."""
DISTRICT_REACH_M = 1_700.0
"""No point of a district's cells is further from the district's centre, anywhere on earth."""
DISTRICTS_SOUGHT = 500
"""About 2,500 km²: in a smaller box districts are sought cell by cell."""
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
    heading: float | None = None
    cell: Cell | None = None
    number: int = 0
    gate: Gate | None = Gate.offline
    vehicle_type: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class District:
    """Those of its cells that have drivers. `place`: its centre, in degrees."""

    place: tuple[float, float]
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

    def districts_near(self, box: Box) -> list[int]:
        """The districts there are in this box, and others; only of a small one it says which are near."""
        near = cells_near(box, DISTRICT, DISTRICT_REACH_M, DISTRICTS_SOUGHT)
        return [*self.districts] if near is None else [one for one in near if one in self.districts]

    def in_district(self, district: int, box: Box) -> list[tuple[int, list[Spot]]]:
        """Who is in this box, by cell; nobody, if the district is none any more."""
        one = self.districts.get(district)
        if one is None or not box.near(one.place, DISTRICT_REACH_M):
            return []
        there = [self.by_id[cell] for cell in one.cells]
        if box.covers(one.place, DISTRICT_REACH_M):
            return [(cell.id, cell.spots[:]) for cell in there]
        return [(cell.id, [one for one in cell.spots if box.holds(one.lat, one.lng)]) for cell in there]

    def _open(self, cell: int) -> Cell:
        parent = h3.cell_to_parent(cell, DISTRICT)
        if parent not in self.districts:
            place = h3.cell_to_latlng(parent)
            self.districts[parent] = District(place, point(*place))
        self.districts[parent].cells.add(cell)
        opened = self.by_id[cell] = Cell(cell)
        return opened

    def _close(self, cell: int) -> None:
        del self.by_id[cell]
        parent = h3.cell_to_parent(cell, DISTRICT)
        self.districts[parent].cells.remove(cell)
        if not self.districts[parent].cells:
            del self.districts[parent]
