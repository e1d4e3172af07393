"""Where a client comes from: its own address, also behind proxies that we trust to name it."""

from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import Scope

from realtime.settings import Settings

FORWARDED_FOR = b"x-forwarded-for"
Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded_for: str | None, trusted: tuple[Network, ...]) -> str:
    """The nearest address to us that is not a trusted proxy's. Further ones are what somebody claims."""
    address = peer
    for named in reversed((forwarded_for or "").split(",")):
        if not named.strip() or not _is_trusted(address, trusted):
            break
        address = named.strip()
    return address


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        at = ip_address(address)
    except ValueError:
        return False
    return any(at in network for network in trusted)


def address_of(scope: Scope, settings: Settings) -> str:
    """Of an ASGI request."""
    peer = scope["client"][0] if scope.get("client") else ""
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_FOR]
    return client_address(peer, ",".join(headers), settings.trusted_proxies)
