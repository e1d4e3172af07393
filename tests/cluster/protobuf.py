"""Namespaces, Secrets and ConfigMaps as `kubectl create` sends them: in Protocol Buffers.

Field numbers are those of Kubernetes' k8s.io/api/core/v1/generated.proto, the envelope runtime.Unknown's; see
Kubernetes' "API Concepts", Protobuf encoding.
"""

from base64 import b64encode
from collections import defaultdict

from .kinds import Object

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
LENGTH_DELIMITED = 2
Fields = dict[int, list[bytes]]


def read(body: bytes) -> Object:
    """The object. NotImplementedError for another kind."""
    envelope = _fields(body.removeprefix(MAGIC))
    version, kind = (_text(_fields(envelope[1][0]), number) for number in (1, 2))
    said = _fields(envelope[2][0])
    metadata = _fields(said[1][0])
    one = {"apiVersion": version, "kind": kind, "metadata": {"name": _text(metadata, 1)}}
    entries = [_fields(entry) for entry in said[2]]
    if kind == "Namespace":
        return one
    if kind == "Secret":
        data = {_text(entry, 1): b64encode(b"".join(entry[2])).decode() for entry in entries}
        return one | {"data": data, "type": _text(said, 3)}
    if kind == "ConfigMap":
        return one | {"data": {_text(entry, 1): _text(entry, 2) for entry in entries}}
    raise NotImplementedError(f"{kind} in protobuf")


def _text(fields: Fields, number: int) -> str:
    return b"".join(fields[number]).decode()


def _fields(message: bytes) -> Fields:
    """The length-delimited fields of a message, by number; others (numbers, flags) are passed over."""
    found: Fields = defaultdict(list)
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == LENGTH_DELIMITED:
            found[tag >> 3].append(message[at : at + value])
            at += value
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends)."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # the last one has no continuation bit
            return value, at
