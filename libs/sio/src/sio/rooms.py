"""Who is in which room."""

from collections.abc import Collection, Iterable

from sio.socket import Socket


class Rooms:
    """Sockets by room, and by their own id, which is a room of theirs."""

    def __init__(self) -> None:
        self.sockets: dict[str, Socket] = {}
        self._rooms: dict[str, set[Socket]] = {}

    def join(self, name: str, room: str) -> None:
        """Nothing happens if the socket is gone."""
        socket = self.sockets.get(name)
        if socket is not None:
            socket.rooms.add(room)
            self._rooms.setdefault(room, set()).add(socket)

    def leave(self, name: str, room: str) -> None:
        """Nothing happens if it is not there."""
        socket = self.sockets.get(name)
        if socket is not None and room in socket.rooms:
            socket.rooms.discard(room)
            self._take_out(socket, room)

    def leave_all(self, socket: Socket) -> None:
        """It is gone."""
        self.sockets.pop(socket.id, None)
        for room in socket.rooms:
            self._take_out(socket, room)
        socket.rooms.clear()

    def inside(self, rooms: Collection[str], skip: Collection[str] = ()) -> Iterable[Socket]:
        """Each socket in any of `rooms` once, but those in `skip`; as of now, whoever leaves meanwhile."""
        if len(rooms) == 1:
            [room] = rooms
            found = set(self._rooms.get(room, ()))
            if room in self.sockets:
                found.add(self.sockets[room])
        else:
            found = set().union(*(self._rooms.get(room, ()) for room in rooms))
            found.update(self.sockets[room] for room in rooms if room in self.sockets)
        return [socket for socket in found if socket.id not in skip] if skip else found

    def _take_out(self, socket: Socket, room: str) -> None:
        inside = self._rooms[room]
        inside.discard(socket)
        if not inside:
            del self._rooms[room]
