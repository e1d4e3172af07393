"""A stand-in for a routing engine: real HTTP, OSRM's `table`, and whatever trouble a test wants."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Place = tuple[float, float]


@dataclass
class Engine:
    """By road, one takes `seconds[place]` to anywhere, and an hour from a place that is not in it."""

    url: str = ""
    seconds: dict[Place, float | None] = field(default_factory=dict)
    answer: tuple[int, bytes] | None = None
    """Instead of a table: a status and a body."""
    hangs: bool = False
    ended: Event = field(default_factory=Event)
    asked: list[list[Place]] = field(default_factory=list)
    """The places of each question: the pickup, then the drivers'."""

    def sound(self) -> None:
        """As if there had been no trouble."""
        self.answer, self.hangs = None, False
        self.seconds.clear()
        self.asked.clear()

    def takes(self, place: Place, seconds: float | None) -> Place:
        """From there, by road."""
        self.seconds[rounded(*place)] = seconds
        return place

    def replies(self, path: str) -> tuple[int, bytes]:
        """To a GET of this path."""
        parts = urlsplit(path)
        head, service, version, profile, coordinates = parts.path.split("/")
        assert (head, service, version, profile) == ("", "table", "v1", "driving"), path
        pairs = [pair.split(",") for pair in coordinates.split(";")]
        places = [rounded(float(lat), float(lng)) for lng, lat in pairs]
        self.asked.append(places)
        if self.hangs:
            self.ended.wait()
        sources, destinations = (parse_qs(parts.query)[name][0] for name in ("sources", "destinations"))
        assert destinations == "0", "to the pickup, not from it: streets have directions"
        rows = [[self.seconds.get(places[int(number)], 3_600.0)] for number in sources.split(";")]
        table: dict[str, Any] = {"code": "Ok", "durations": rows, "sources": [], "destinations": []}
        return self.answer or (200, json.dumps(table).encode())


def rounded(lat: float, lng: float) -> Place:
    """As far as coordinates in a URL go."""
    return round(lat, 6), round(lng, 6)


@contextmanager
def routing_engine() -> Iterator[Engine]:
    """On a port of its own, while the block runs."""
    engine = Engine()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = engine.replies(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not into the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hung up does not listen
        engine.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield engine
        engine.ended.set()
        server.shutdown()
        thread.join()
