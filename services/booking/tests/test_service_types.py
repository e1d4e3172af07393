"""Which service types can be ordered."""

from contracts.requests import ListServiceTypes, ServiceTypes
from wire.rpc import Endpoint, serve

from .people import Person, Service, answered, refused


async def test_what_an_admin_set_up_can_be_ordered_and_what_nobody_did_cannot(
    booking: Service, customer: Person
) -> None:
    """B14: a service type lives in matching's database; nobody tells booking of it."""

    async def known(_: ListServiceTypes) -> ServiceTypes:
        return ServiceTypes(names=frozenset({"courier", "sedan"}))

    async with serve(booking.nc, "matching", "0.0.0", [Endpoint(ListServiceTypes, known)]):
        await booking.nc.flush()
        refused(await customer.orders(service_type="teleport"), 422, "unknown_service_type")
        assert answered(await customer.orders(service_type="sedan"), 201)["service_type"] == "sedan"
    # Known from now on, whoever is away.
    answered(await customer.orders(service_type="sedan"), 201)


async def test_without_matching_only_what_is_known_can_be_ordered(customer: Person) -> None:
    """A11: trouble elsewhere never fails an order; what cannot be judged is not called unknown."""
    answered(await customer.orders(service_type="courier"), 201)
    refused(await customer.orders(service_type="limousine"), 503, "unavailable")
