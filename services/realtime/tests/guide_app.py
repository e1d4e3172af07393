"""The blocks of the client guide, and an app that is made of its JavaScript ones."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from stack.node import NODE, install

ROOT = Path(__file__).parents[3]
JS = ROOT / "tests" / "clients" / "js"
PATIENCE = 60.0


class RefusedError(Exception):
    """What was asked failed, with this `code`."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said["message"])
        self.code = said["code"]


def blocks(language: str) -> list[str]:
    """The guide's code blocks in this language."""
    guide = (ROOT / "docs" / "client-guide.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)


def examples() -> list[tuple[str, dict[str, Any]]]:
    """The guide's example events, each a name and its payload."""
    found = []
    for block in blocks("text"):
        rest = block.strip()
        while rest:
            name, _, rest = rest.partition(" ")
            payload, end = json.JSONDecoder().raw_decode(rest)
            found.append((name, payload))
            rest = rest[end:].strip()
    return found


class GuideApp:
    """What it was told lies in `told`, in order: `[what, …]`, see tests/clients/js/guide.mjs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.told: list[list[Any]] = []
        self._process, self._ids = process, count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._heard = asyncio.Condition()

    async def do(self, what: str, **arguments: Any) -> Any:
        """Call one of the guide's functions. RefusedError."""
        number = next(self._ids)
        answered = self._asked[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"id": number, "do": what, **arguments}).encode() + b"\n")
        return await asyncio.wait_for(answered, PATIENCE)

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Until it is true of `told`; its value."""
        async with asyncio.timeout(PATIENCE), self._heard:
            return await self._heard.wait_for(condition)

    async def next(self, *told: Any, after: int = 0) -> int:
        """Until something that begins with `told` was told; where in `told` the rest begins."""

        def found() -> int:
            places = range(after, len(self.told))
            return next((i + 1 for i in places if self.told[i][: len(told)] == [*told]), 0)

        return int(await self.until(found))

    async def listen(self) -> None:
        """Until the process ends; who still waits for an answer then waits in vain."""
        assert self._process.stdout
        async for line in self._process.stdout:
            said = json.loads(line)
            if "error" in said:
                self._asked.pop(said["id"]).set_exception(RefusedError(said["error"]))
            elif "id" in said:
                self._asked.pop(said["id"]).set_result(said["answer"])
            else:
                async with self._heard:
                    self.told.append(said["told"])
                    self._heard.notify_all()
        for answered in [one for one in self._asked.values() if not one.done()]:
            answered.set_exception(EOFError("the app has crashed; see what Node has written"))
        self._asked.clear()


@asynccontextmanager
async def guide_app(folder: Path) -> AsyncIterator[GuideApp]:
    """Started, from a module in `folder` that is all the guide's blocks one after the other."""
    install(JS)
    module = folder / "guide.mjs"
    module.write_text("\n".join(blocks("js")))
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(JS / "node_modules")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(NODE, JS / "guide.mjs", module, stdin=pipe, stdout=pipe)
    app = GuideApp(process)
    listening = asyncio.create_task(app.listen())
    try:
        yield app
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
