"""The same seeded scripts of packets, right and slightly wrong, to both engines: the same answers."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from stack.ports import Reservation

from .served import ENGINES, served

SEEDS = range(40)
SCRIPTS = 25
"""Of one seed."""
GONE = "gone"
# Where they differ on purpose, and why; what follows is not compared:
# - For an unknown namespace the reference sends a bare text as connect_error; clients look for its `message`.
# - A second CONNECT is refused by the reference, a DISCONNECT before the first is ignored; Node's server
#   hangs up on both, and so do we.
# - What no client of this protocol sends is ignored by the reference or answered, and ends the line here: an
#   opening, a ping, a pong with something in it, the end of an upgrade that was none, a no-op, a CONNECT with
#   a number, a DISCONNECT with data, an ACK without a number or a list, an event with attachments.
# - The reference drops leading zeros of an event's number from its ACK; clients send none.
UNHEARD_OF = re.compile(
    r"[0256]|3.|40(/[^,]*,)?\d|41(/[^,]*,)?[^/]|43(?!(/[^,]*,)?\d+\[)|42(/[^,]*,)?\d+-", re.DOTALL
)
Answers = list[Any]


@pytest.fixture(scope="module")
def engine() -> None:
    """Both at once here."""


@pytest_asyncio.fixture(scope="module")
async def urls(ports: Reservation) -> AsyncIterator[list[str]]:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(served(name, ports)) for name in sorted(ENGINES)]
        yield [url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket" for _, url in servers]


VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 10**15, "", "text", "é🚕", [], [[]], {}, {"a": {"b": [1]}}, {"lat": 1, "lng": 2},
]  # fmt: skip
NAMES = ["add", "move", "spin", "back", "nothing", "é", "", "a,b", "connected", "disconnecting"]
AUTHS = ["", "{}", "null", '"good"', "[1]", '{"token":"bad"}', '{"token":null}']
WRONG = [
    "", "2", "2probe", "3probe", "5", "6", "7", "4", "49", "4x", "x", "0", "1", "42", "42{}", "42[]", "42[1]",
    '42["connect"]', '42["disconnect"]', '42["*"]', '42["connect_error"]', "43", "43[]", "43x", "431", "44{}",
    '451-["a",{"_placeholder":true,"num":0}]', "40{", "40x", '42["a"', '42["a",]', "42x", '42-1["a"]', "41x",
    '421.5["a"]', '44{"message":"x"}',
]  # fmt: skip


def frame(chance: random.Random) -> str:
    """One that is right as it stands, more often than not."""
    kind = chance.random()
    if kind < 0.55:
        name = chance.choice(NAMES)
        arguments = chance.choices(VALUES, k=chance.choice([0, 1, 1, 2]))
        if name in {"add", "back"}:
            arguments = (
                [chance.randrange(9), chance.randrange(9)] if name == "add" else [chance.choice(VALUES)]
            )
        number = chance.choice(["", str(chance.randrange(1000))])
        space = chance.choice([(",", ":"), (", ", ": ")])
        said = json.dumps([name, *arguments], separators=space, ensure_ascii=chance.random() < 0.5)
        text = f"42{number}{said}"
    elif kind < 0.7:
        text = chance.choice(
            ["3", "431[]", '437["late"]', "41/elsewhere,", '42/elsewhere,["add",1,2]', "40/x,{}"]
        )
    elif kind < 0.8:
        text = "40" + chance.choice(AUTHS)
    else:
        text = chance.choice(WRONG)
    return _spoilt(chance, text) if chance.random() < 0.15 else text


def _spoilt(chance: random.Random, text: str) -> str:
    """With one character left out, doubled or another one."""
    at = chance.randrange(len(text) + 1)
    return (
        text[:at]
        + chance.choice(["", text[at : at + 1] * 2, chance.choice('0149,[]{}"/\\ x')])
        + text[at + 1 :]
    )


def script(seed: int) -> list[str]:
    """Most begin with a good CONNECT."""
    chance = random.Random(seed)
    auth = {"token": "good", **({"early": 2} if chance.random() < 0.3 else {})}
    start = [f"40{json.dumps(auth)}"] if chance.random() < 0.85 else []
    return start + [frame(chance) for _ in range(chance.randrange(3, 12))]


async def answers(url: str, frames: list[str]) -> list[Answers]:
    """To each frame what came until a question that is always answered was, or the end of the line."""
    async with connect(url) as line:
        await line.recv()
        found: list[Answers] = []
        for number, text in enumerate(frames):
            found.append(await _answers_to(line, text, f"/mark{number}"))
            if found[-1][-1:] == [GONE]:
                break
        return found


async def _answers_to(line: ClientConnection, text: str, mark: str) -> Answers:
    heard: Answers = []
    try:
        await line.send(text)
        await line.send(f"40{mark},")
        async with asyncio.timeout(60):
            while not str(said := await line.recv()).startswith(f"44{mark},"):
                heard.append(_normal(str(said)))
    except ConnectionClosed:
        heard.append(GONE)
    return heard


def _normal(said: str) -> Any:
    """Without the ids that a server makes up; JSON by its value, not by how it is written."""
    found = re.match(r"(\d*(?:/[^,]*,)?)(.*)", said, re.DOTALL)
    assert found
    value = json.loads(found[2]) if found[2] else None
    if found[1].startswith("44/"):
        value = "refused"
    if isinstance(value, dict) and "sid" in value:
        value["sid"] = "…"
    return [re.sub(r"^43(/[^,]*,)?0+(?=\d)", r"43\1", found[1]), value]


@pytest.mark.parametrize("seed", SEEDS)
async def test_both_engines_answer_the_same(urls: list[str], seed: int) -> None:
    """C1"""
    for number in range(SCRIPTS):
        frames = script(seed * SCRIPTS + number)
        one, other = await asyncio.gather(*(answers(url, frames) for url in urls))
        upto = _first_known_difference(frames, one)
        assert list(zip(frames, one, strict=False))[:upto] == list(zip(frames, other, strict=False))[:upto]


def _first_known_difference(frames: list[str], answered: list[Answers]) -> int:
    """Where it stands in `frames`; their number if there is none."""
    connected = False
    for number, (text, heard) in enumerate(zip(frames, answered, strict=False)):
        misplaced = re.match(r"40(?!/[^,])" if connected else "41", text)
        if misplaced or UNHEARD_OF.match(text):
            return number
        connected = connected or any(one[0] == "40" for one in heard)
    return len(frames)
