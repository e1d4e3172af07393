import socket
import sys

import pytest

from stack.ports import HOST, Reservation


@pytest.fixture
def reservation() -> Reservation:
    return Reservation()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port is only found free, not held")
def test_reserved_port_goes_to_its_server_and_to_nobody_else(reservation: Reservation) -> None:
    """Issue 2 item 8: ports chosen free."""
    port = reservation.port()
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind((HOST, port))
    for _restart in range(2):
        with socket.create_server((HOST, port)) as server, socket.create_connection((HOST, port)):
            server.accept()[0].close()
    reservation.release()
    with socket.socket() as next_one:
        next_one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        next_one.bind((HOST, port))


def test_wanted_port_is_refused_while_somebody_listens_there(reservation: Reservation) -> None:
    with socket.create_server((HOST, 0)) as server, pytest.raises(OSError, match="in use"):
        reservation.port(server.getsockname()[1])
