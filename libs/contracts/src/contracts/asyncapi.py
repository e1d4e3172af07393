"""The bus as an AsyncAPI 3.0 document, made from the contracts themselves.

`python -m contracts.asyncapi [FILE]` writes it to FILE, or to stdout.
"""

import inspect
import json
import sys
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts.catalog import PARAMETERS, Contract, catalog
from contracts.events import Event
from contracts.models import Model
from contracts.requests import Problem
from contracts.streams import CONSUMERS, STREAMS

Json = dict[str, Any]

TRACE = {"traceparent": {"type": "string", "description": "The trace that it belongs to (W3C Trace Context)"}}
CLOUD_EVENT = {
    "ce-specversion": {"const": "1.0"},
    "ce-id": {"type": "string", "format": "uuid", "description": "Of the event; a copy has the same"},
    "ce-type": {"type": "string"},
    "ce-source": {"type": "string"},
    "ce-time": {"type": "string", "format": "date-time", "description": "When it was committed"},
    "ce-datacontenttype": {"const": "application/json"},
    "Nats-Msg-Id": {"type": "string", "format": "uuid", "description": "`ce-id` again: a resend is dropped"},
}
REFUSAL = {
    "Nats-Service-Error-Code": {"type": "string", "description": "`status` of the body"},
    "Nats-Service-Error": {"type": "string", "description": "`code` of the body"},
}


def document() -> Json:
    """The document. Its own pieces only: every reference in it can be followed in it."""
    contracts = list(catalog())
    made = {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {
            "bus": {
                "host": "{host}:4222",
                "protocol": "nats",
                "description": "nats-server with JetStream; where it is, WAGGLE_NATS_URL says.",
                "variables": {"host": {"default": "nats", "description": "The server's name or address"}},
            }
        },
        "channels": _channels(contracts),
        "operations": {each.name: _operation(each) for each in contracts if each.subject},
        "components": {"messages": _messages(contracts), "schemas": _schemas(contracts)},
        "x-jetstream": _jetstream(),
    }
    own: Json = json.loads(json.dumps(made, default=_seconds))
    return own


def _info() -> Json:
    return {
        "title": "Waggle: the bus",
        "version": version("contracts"),
        "description": (
            "What Waggle's services tell and ask each other over NATS. Events are CloudEvents 1.0 in binary "
            "mode; they change by addition only. Refusals of requests are a `Problem`. `x-jetstream` lists "
            "the streams that keep them and the durable consumers that read them."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}


def _about(model: type[Model]) -> str:
    return inspect.cleandoc(model.__doc__ or "").replace("\n", " ")


def _channels(contracts: list[Contract]) -> Json:
    made: Json = {}
    for each in contracts:
        if not each.subject:
            continue
        names = [name for name in PARAMETERS if f"{{{name}}}" in each.subject]
        made[each.name] = {
            "address": each.subject,
            "description": _about(each.message),
            "messages": {each.name: _ref("components", "messages", each.name)},
        }
        if names:
            made[each.name]["parameters"] = {name: {"description": PARAMETERS[name]} for name in names}
        if each.reply:
            answers = {"reply": _reply_of(each), "problem": "problem"}
            made[_reply_of(each)] = {
                "address": None,
                "description": f"The inbox that the asker of {each.subject} named",
                "messages": {key: _ref("components", "messages", name) for key, name in answers.items()},
            }
    return made


def _reply_of(contract: Contract) -> str:
    return f"{contract.name}.reply"


def _operation(contract: Contract) -> Json:
    made: Json = {
        "action": "receive" if contract.reply else "send",
        "channel": _ref("channels", contract.name),
        "summary": _about(contract.message).split(". ")[0],
        "messages": [_ref("channels", contract.name, "messages", contract.name)],
    }
    if contract.reply:
        channel = _reply_of(contract)
        made["reply"] = {
            "channel": _ref("channels", channel),
            "messages": [_ref("channels", channel, "messages", key) for key in ("reply", "problem")],
        }
    return made


def _messages(contracts: list[Contract]) -> Json:
    made: Json = {}
    for each in contracts:
        made[each.name] = _message(each.name, each.message)
        if each.reply:
            made[_reply_of(each)] = _message(_reply_of(each), each.reply)
    return made


def _message(name: str, model: type[Model]) -> Json:
    headers: Json = {"type": "object", "properties": dict(TRACE)}
    if issubclass(model, Event):
        named = {"ce-type": {"const": model.type}, "ce-source": {"const": model.source}}
        headers = {
            "type": "object",
            "properties": {**CLOUD_EVENT, **named, **TRACE},
            "required": list(CLOUD_EVENT),
        }
    elif model is Problem:
        headers = {"type": "object", "properties": dict(REFUSAL), "required": list(REFUSAL)}
    return {
        "name": name,
        "title": model.__name__,
        "summary": _about(model),
        "headers": headers,
        "payload": _ref("components", "schemas", model.__name__),
    }


def _schemas(contracts: list[Contract]) -> Json:
    models = {each.message for each in contracts} | {each.reply for each in contracts if each.reply}
    in_order = sorted(models, key=lambda model: model.__name__)
    _, made = models_json_schema(
        [(model, "serialization") for model in in_order], ref_template="#/components/schemas/{model}"
    )
    return dict(sorted(made["$defs"].items()))


def _jetstream() -> Json:
    return {
        "streams": [asdict(stream) for stream in STREAMS],
        "consumers": [asdict(consumer) for consumer in CONSUMERS],
    }


def _seconds(value: timedelta) -> str:
    """ISO 8601, as durations are in JSON schema."""
    return f"PT{value.total_seconds():.0f}S"


def render() -> str:
    """The document as YAML."""
    import yaml  # noqa: PLC0415  # only who writes documents has it (the extra `docs`)

    return yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)


def main(arguments: list[str]) -> None:
    """Write to the file named, or to stdout."""
    if arguments:
        Path(arguments[0]).write_text(render())
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main(sys.argv[1:])
