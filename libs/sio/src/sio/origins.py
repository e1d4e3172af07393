"""Which web pages may connect. Apps send no Origin; browsers do."""

from urllib.parse import urlsplit


def is_allowed(origin: str | None, host: str | None, origins: tuple[str, ...]) -> bool:
    """`origin` and `host` as in the request's headers; `origins` as in `Limits.origins`."""
    if origin is None or "*" in origins:
        return True
    if origins:
        return origin in origins
    try:
        return host is not None and urlsplit(origin).netloc == host
    except ValueError:  # no URL at all
        return False


def cors_headers(
    origin: str | None, asked_headers: str | None, preflight: bool
) -> tuple[tuple[str, str], ...]:
    """For the answer to a page of an allowed origin; `asked_headers`: those that it wants to send."""
    if origin is None:
        return ()
    headers = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]
    if preflight:
        headers.append(("Access-Control-Allow-Methods", "OPTIONS, GET, POST"))
    if asked_headers is not None:
        headers.append(("Access-Control-Allow-Headers", asked_headers))
    return tuple(headers)
