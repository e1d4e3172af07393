"""The console in a real browser, on the whole house."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright

from stack.house import House
from stack.running import running
from stack.tokens import Role

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The map is WebGL; a machine without a graphics card draws it in software. Root needs --no-sandbox.
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE_MS = 60_000
UNHURRIED = {"WAGGLE_SILENCE_SECONDS": "3600"}
"""The phones of the tests say once where they are, and a slow machine takes its time."""

Screen = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """All four services and the console, for one test module."""
    async with running(durable=False, site=True, env=UNHURRIED) as house:
        yield house
        assert house.refused_on_bus() == []


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium of this machine. In CI it must be there."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None and os.environ.get("CI") != "true":
        pytest.skip("there is no Chromium on this machine")
    assert program, f"none of {', '.join(PROGRAMS)} is installed"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
def screen(house: House, browser: Browser) -> Screen:
    """`async with screen("ann", "user") as page`: the console as that person sees it, in its own browser.

    Fails at the end if the page has thrown or complained: what a person would find in the browser's log, but
    for complaints with the words `excused`, which the test itself gives cause for.
    """

    @asynccontextmanager
    async def opened(
        sub: str, role: Role, *, theme: str = "light", phone: bool = False, excused: str | None = None
    ) -> AsyncIterator[Page]:
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
        context = await browser.new_context(color_scheme=theme, viewport=size)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.goto(f"{house.url}/console/#token={house.token(sub, role)}")
        yield page
        await context.close()
        assert [one for one in complaints if excused is None or excused not in one] == []

    return opened
