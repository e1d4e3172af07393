"""Who the links into a stack's web console open it as."""

from collections.abc import Iterator

import httpx

from stack.errors import StackError
from stack.house import House
from stack.tokens import Role

DRIVER = "dan"
PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("a customer", "carla", "user"),
    ("a driver", DRIVER, "pilot"),
    ("an admin", "ada", "admin"),
)
"""(who, id, role)"""
A_DAY = 24 * 3600.0


def links(house: House) -> Iterator[tuple[str, str]]:
    """(who, address); none without a console. The token is in the fragment, which browsers tell no server."""
    if house.console_url:
        for who, sub, role in PEOPLE:
            token = house.token(sub, role, name=sub.title(), ttl=A_DAY)
            yield who, f"{house.console_url}#token={token}"


async def register_driver(house: House) -> None:
    """So that who opens the console as a driver may take jobs. StackError if matching refuses."""
    dan = {"id": DRIVER, "name": DRIVER.title(), "approved": True, "rating": 4.9}
    headers = {"Authorization": f"Bearer {house.token('ada', 'admin')}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=20) as client:
        answer = await client.post("/v1/drivers", json=dan)
    if not (answer.is_success or answer.status_code == httpx.codes.CONFLICT):  # known from an earlier start
        raise StackError(f"matching would not register a driver: {answer.text}")
