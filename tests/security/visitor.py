"""Requests as nobody should send them, and what every refusal must look like."""

from dataclasses import dataclass
from typing import Any

import httpx

from stack.house import House
from stack.tokens import Role

SERVICES = {
    "/v1/bookings": "booking",
    "/v1/drivers": "matching",
    "/v1/jobs": "matching",
    "/v1/service-types": "matching",
    "/v1/devices": "push",
    "/v1/notifications": "push",
    "/v1/identities": "realtime",
}


def service_of(path: str) -> str:
    """The service that a public path belongs to."""
    return next(service for prefix, service in SERVICES.items() if path.startswith(prefix))


@dataclass(frozen=True)
class Visitor:
    """`direct`: past Caddy, as a request inside the cluster would come."""

    house: House
    client: httpx.AsyncClient
    sub: str
    direct: bool = False

    async def asks(
        self,
        method: str,
        path: str,
        *,
        role: Role | None = "user",
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """`role` None: without a token. Everything else is httpx's."""
        origin = self.house.service_url(service_of(path)) if self.direct else self.house.url
        sent = {"Content-Type": "application/json"}
        sent |= {"Authorization": f"Bearer {self.house.token(self.sub, role)}"} if role else {}
        return await self.client.request(method, origin + path, headers=sent | (headers or {}), **request)


def verdict(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of what must be a problem (RFC 9457) that tells nothing about our inside."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert {"type", "title"} <= problem.keys() <= {"type", "title", "status", "code", "detail", "errors"}
    assert "Traceback" not in answer.text
    return answer.status_code, problem["code"]
