"""Telling the senders of this process that deliveries were committed; those of others look for themselves."""

import asyncio

from push.notifier import Channel


class Wake:
    """A bell for each channel, and one rope for all."""

    def __init__(self) -> None:
        self.bells = {channel: asyncio.Event() for channel in Channel}

    def set(self) -> None:
        """Called after the commit."""
        for bell in self.bells.values():
            bell.set()
