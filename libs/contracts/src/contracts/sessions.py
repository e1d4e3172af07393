"""What the edges keep on the bus of the sessions of their clients."""

from contracts.models import Model


class SessionRooms(Model):
    """What a client that can be recovered asked to follow: `session.rooms.<pid>` (SESSIONS), C7.

    Kept by the bus, so that another edge knows it when the client comes back there.
    """

    subject_id: str
    rooms: list[str]
    """`assignments`, `dashboard`, or a booking's id."""
