"""The links into the console that `just up` prints, on the real services."""

import httpx

from stack.house import House
from stack.people import DRIVER, PEOPLE, register_driver


async def test_who_opens_the_console_as_a_driver_may_take_jobs_from_the_second_start_on_too(
    house: House,
) -> None:
    """Its link is of use to somebody who has registered nobody."""
    for _ in range(2):
        await register_driver(house)
    token = house.token(DRIVER, {sub: role for _who, sub, role in PEOPLE}[DRIVER])
    async with httpx.AsyncClient(base_url=house.url) as client:
        answer = await client.get("/v1/drivers/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["approved"]) == (200, True)
