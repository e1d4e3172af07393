"""Free TCP ports that stay ours while a process that listens on one is down."""

import socket
import sys
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass
class Reservation:
    """Ports held by sockets that are bound and never listen.

    Linux lets a server that sets SO_REUSEADDR (asyncio, uvicorn, hypercorn and all of Go do) listen beside
    such a socket, but gives the port to nobody else: neither to a bind(0) nor as the local port of an
    outgoing connection. Without it, a service killed and restarted now and then finds its port taken.
    On other systems the port is only found free, not held.
    """

    _held: list[socket.socket] = field(default_factory=list)

    def port(self, wanted: int = 0) -> int:
        """Reserve `wanted`, or any free port for 0. OSError if `wanted` is in use."""
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if wanted:  # connections of the last run may be in TIME_WAIT there; a listener still refuses us
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, wanted))
        except OSError:
            holder.close()
            raise
        # Set after the bind, so that the bind itself never lands beside another stack's reservation.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port: int = holder.getsockname()[1]
        if sys.platform == "linux":
            self._held.append(holder)
        else:
            holder.close()
        return port

    def release(self) -> None:
        while self._held:
            self._held.pop().close()
