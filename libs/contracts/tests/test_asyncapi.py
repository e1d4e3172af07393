import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.asyncapi import document, render
from contracts.events import EVENTS
from contracts.requests import REQUESTS
from contracts.streams import CONSUMERS, STREAMS

COMMITTED = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
DOCUMENT = document()


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(below)


def follow(reference: str) -> Any:
    node: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


def test_committed_document_is_what_the_contracts_say() -> None:
    """Issue 2 item 2. If this fails: `just docs`."""
    assert COMMITTED.read_text() == render()


def test_document_is_yaml_of_the_same_content() -> None:
    assert yaml.safe_load(render()) == DOCUMENT


def test_every_reference_can_be_followed() -> None:
    references = [node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)]
    assert references
    assert all(follow(reference) for reference in references)


def test_every_event_and_request_has_channel_message_and_operation() -> None:
    names = {event.type for event in EVENTS} | {request.subject for request in REQUESTS}
    for part in (DOCUMENT["channels"], DOCUMENT["operations"], DOCUMENT["components"]["messages"]):
        assert names <= part.keys()


@pytest.mark.parametrize(("name", "channel"), DOCUMENT["channels"].items(), ids=list(DOCUMENT["channels"]))
def test_channel_declares_exactly_the_parameters_of_its_address(name: str, channel: dict[str, Any]) -> None:
    """AsyncAPI 3.0, Channel Object; an unknown address (an inbox) is null."""
    assert channel["messages"], name
    in_address = set(re.findall(r"{(\w+)}", channel["address"] or ""))
    assert channel.get("parameters", {}).keys() == in_address


@pytest.mark.parametrize("operation", DOCUMENT["operations"].values(), ids=list(DOCUMENT["operations"]))
def test_operation_uses_messages_of_its_own_channel(operation: dict[str, Any]) -> None:
    """AsyncAPI 3.0, Operation Object."""
    assert operation["action"] in ("send", "receive")
    for side in [operation, *([operation["reply"]] if "reply" in operation else [])]:
        channel = side["channel"]["$ref"]
        assert side["messages"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in side["messages"])


def test_events_are_cloud_events() -> None:
    for event in EVENTS:
        headers = DOCUMENT["components"]["messages"][event.type]["headers"]
        assert headers["properties"]["ce-type"] == {"const": event.type}
        assert {"ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time"} <= set(headers["required"])


def test_requests_are_answered_by_their_reply_or_a_problem() -> None:
    for request in REQUESTS:
        answers = [
            follow(follow(each["$ref"])["$ref"])["payload"]["$ref"]
            for each in DOCUMENT["operations"][request.subject]["reply"]["messages"]
        ]
        assert answers == [f"#/components/schemas/{request.reply.__name__}", "#/components/schemas/Problem"]


def test_streams_and_consumers_are_listed() -> None:
    listed = DOCUMENT["x-jetstream"]
    assert [stream["name"] for stream in listed["streams"]] == [stream.name for stream in STREAMS]
    assert [each["durable"] for each in listed["consumers"]] == [each.durable for each in CONSUMERS]
    assert listed["streams"][0]["max_age"] == "PT604800S"


def test_command_writes_the_document(tmp_path: Path) -> None:
    """`just docs`"""
    command = [sys.executable, "-m", "contracts.asyncapi"]
    subprocess.run([*command, str(tmp_path / "made.yaml")], check=True)
    assert (tmp_path / "made.yaml").read_text() == render()
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed == render()
