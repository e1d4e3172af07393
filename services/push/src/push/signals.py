"""How the parts of one process tell each other that there is work. What is missed is found by polling."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ActivitySignals:
    """Set after the commit: cards were `registered`, their `status` or their `position` has changed."""

    registered: asyncio.Event = field(default_factory=asyncio.Event)
    status: asyncio.Event = field(default_factory=asyncio.Event)
    position: asyncio.Event = field(default_factory=asyncio.Event)
