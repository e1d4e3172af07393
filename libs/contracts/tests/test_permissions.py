"""Permissions on the bus follow from the contracts. That a server enforces them: tests/security."""

from pathlib import Path

import pytest

from contracts.access import ASKERS, FOLLOWERS, LISTENERS, MEASURERS, PUBLISHERS, READERS, SERVICES
from contracts.catalog import catalog
from contracts.events import EVENTS
from contracts.nats_conf import OPERATOR, authorization, key_variable
from contracts.permissions import USERS, owner_of, permissions_of
from contracts.requests import REQUESTS
from contracts.streams import CONSUMERS, STREAMS, Consumer

GENERATED = Path(__file__).resolve().parents[3] / "deploy" / "k8s" / "base" / "nats" / "permissions.conf"


def test_the_servers_file_is_what_the_contracts_give() -> None:
    """`just docs` writes it."""
    assert GENERATED.read_text() == authorization()


def test_somebody_may_ask_every_request_and_nobody_asks_itself() -> None:
    assert set(ASKERS) == set(REQUESTS)
    for request, services in ASKERS.items():
        assert services, request
        assert request.subject.split(".")[1] not in services


@pytest.mark.parametrize("table", [PUBLISHERS, LISTENERS], ids=["publishers", "listeners"])
def test_the_tables_name_what_is_in_the_catalogue(table: dict[str, tuple[str, ...]]) -> None:
    assert set(table) <= {contract.name for contract in catalog()}
    assert {name for names in table.values() for name in names} <= set(SERVICES)


@pytest.mark.parametrize("table", [FOLLOWERS, READERS, MEASURERS], ids=["followers", "readers", "measurers"])
def test_the_tables_name_streams_that_there_are(table: dict[str, tuple[str, ...]]) -> None:
    assert set(table) <= {stream.name for stream in STREAMS}


def test_followers_are_told_by_streams_that_republish() -> None:
    assert set(FOLLOWERS) == {stream.name for stream in STREAMS if stream.republished}


def test_everything_that_crosses_the_bus_has_somebody_who_says_it() -> None:
    known = {event.type for event in EVENTS} | {request.subject for request in REQUESTS} | set(PUBLISHERS)
    assert {contract.name for contract in catalog() if contract.subject} == known


def test_every_event_has_one_service_that_may_publish_it() -> None:
    for event in EVENTS:
        found = [name for name in SERVICES if any(p.startswith(f"{event.type}.") for p in publish(name))]
        assert [f"/waggle/{name}" for name in found] == [event.source]


def publish(name: str) -> tuple[str, ...]:
    return permissions_of(name).publish


def test_no_two_users_share_a_consumer_or_an_inbox() -> None:
    asked = [pattern for name in USERS for pattern in publish(name) if ".MSG.NEXT." in pattern]
    assert len(asked) == len(set(asked)) == len(CONSUMERS)
    inboxes = [pattern for name in USERS for pattern in permissions_of(name).subscribe if "_INBOX" in pattern]
    assert len(inboxes) == len(set(inboxes)) == len(USERS)


def test_a_consumer_is_named_after_its_service() -> None:
    assert {owner_of(consumer) for consumer in CONSUMERS} <= set(SERVICES)
    with pytest.raises(ValueError, match="no service"):
        owner_of(Consumer("DISPATCH", "billing-jobs", ("job.>",)))


def test_a_user_that_is_not_known_has_no_permissions() -> None:
    with pytest.raises(ValueError, match="billing"):
        permissions_of("billing")


def test_who_may_do_everything_is_no_part_of_an_installation() -> None:
    assert key_variable(OPERATOR) not in GENERATED.read_text()
    assert key_variable(OPERATOR) in authorization(operator=True)
