"""How much a server puts up with, and whom it lets in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    path: str = "/socket.io/"
    transports: tuple[str, ...] = ("polling", "websocket")
    """What a session may begin with. To poll, a client must reach the same server with each request."""
    message_bytes: int = 16 * 1024
    """Longest message or polling body that is read; a longer one ends its connection."""
    frames_per_second: float = 200
    """Packets handled for one client; one that sends more is read more slowly."""
    connect_seconds: float = 10
    """From the first byte to a whole request, from an open transport to a good CONNECT, for an upgrade, and
    for the body of a POST."""
    ping_interval: float = 25
    ping_timeout: float = 20
    finish_seconds: float = 2
    """What is under way for a socket that is hung up on, and what waits to be sent, may take so long."""
    send_buffer_bytes: int = 1024 * 1024
    """So much waits for one slow reader at most; then its connection ends."""
    slow_bytes: int = 64 * 1024
    """So much waiting makes a reader slow: of emissions with `newest` it then gets only the last."""
    origins: tuple[str, ...] = ()
    """Web origins whose pages may connect; `*` for all. Empty: the server's own."""
