"""Who may do what on the bus, where a contract does not say so itself. `permissions` makes lists of it.

An event says who publishes it (`source`), a request who answers it (its subject), a durable consumer who
reads by it (its name). The rest is here, once; what is not here is forbidden.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.events import DriverStatusChanged
from contracts.requests import (
    AcceptJob,
    AdvanceBooking,
    CancelBooking,
    DeclineJob,
    EndSearch,
    GoOffline,
    GoOnline,
    ListOpenBookings,
    ListServiceTypes,
    Request,
    RetryBooking,
    ViewBooking,
    ViewDispatch,
    ViewDriver,
    ViewPushes,
    ViewSearch,
)
from contracts.streams import DISPATCH, IDENTITY, LOCATIONS, SERVICE_TYPES, SESSIONS

SERVICES = ("booking", "matching", "realtime", "push")
BOOTSTRAP = "bootstrap"
"""`waggle-streams`: makes streams and consumers, and nothing else."""
RECOVERY = "recovery"
"""`python -m booking.replay`: reads what happened, and nothing else."""

Services = Sequence[str]

ASKERS: Mapping[type[Request[Any]], Services] = {
    ViewBooking: ("realtime", "push"),
    ListOpenBookings: ("realtime",),
    CancelBooking: ("realtime",),
    RetryBooking: ("realtime",),
    AdvanceBooking: ("realtime",),
    GoOnline: ("realtime",),
    GoOffline: ("realtime",),
    ViewDriver: ("realtime",),
    AcceptJob: ("realtime",),
    DeclineJob: ("realtime",),
    EndSearch: ("booking",),
    ViewSearch: ("booking",),
    ViewDispatch: ("booking",),
    ViewPushes: ("booking",),
    ListServiceTypes: ("booking",),
}
"""Who asks which request."""

PUBLISHERS: Mapping[str, Services] = {
    "driver.location": ("matching", "realtime"),
    "tracking.live": ("matching", "realtime"),
    "tracking.recorded": ("matching", "realtime"),
    "session.rooms": ("realtime",),
    "presence.driver": ("matching",),
    "presence.edge": ("matching",),
    "matching.look": ("matching",),
    "matching.map": ("matching",),
    "matching.regions.changed": ("matching",),
}
"""Who publishes what is neither an event nor a request, by its name in the catalogue."""

LISTENERS: Mapping[str, Services] = {
    DriverStatusChanged.type: ("matching", "realtime"),
    "driver.location": ("matching",),
    "tracking.live": ("realtime", "push"),
    "presence.driver": ("realtime",),
    "presence.edge": ("realtime",),
    "matching.look": ("matching",),
    "matching.map": ("matching",),
    "matching.regions.changed": ("matching",),
}
"""Who listens on core NATS, by names in the catalogue."""

FOLLOWERS: Mapping[str, Services] = {DISPATCH.name: ("realtime",), IDENTITY.name: SERVICES}
"""Who hears what a stream republishes (`live.`)."""

READERS: Mapping[str, Services] = {
    DISPATCH.name: ("realtime", RECOVERY),
    "DRIVERS": ("realtime",),
    SESSIONS.name: ("realtime",),
    LOCATIONS.name: ("matching",),
    SERVICE_TYPES.name: ("push",),
    IDENTITY.name: SERVICES,
}
"""Who reads a stream without a consumer, by direct gets."""

MEASURERS: Mapping[str, Services] = {DISPATCH.name: ("realtime",), "DRIVERS": ("realtime",)}
"""Who asks where a stream ends."""
