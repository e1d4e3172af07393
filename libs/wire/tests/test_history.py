"""Much of a stream read at once, and nothing left behind."""

from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.js.errors import NotFoundError

from wire import history

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line

STREAM = "DISPATCH"


async def consumers(nc: Client) -> set[str]:
    return {info.name for info in await nc.jetstream().consumers_info(STREAM)}


async def test_all_that_fits_the_subject_is_read_oldest_first_page_by_page(
    line: "Line", monkeypatch: pytest.MonkeyPatch
) -> None:
    """C9: and the server keeps nothing of the reader, who may not make consumers."""
    monkeypatch.setattr("wire.history.A_PAGE", 3)
    before = await consumers(line.nc)
    for number in range(8):
        await line.send(line.event(number))
    [subject] = line.consumer.filters
    pages = [page async for page in history.pages(line.nc, STREAM, subject)]
    assert [len(page) for page in pages] == [3, 3, 2]
    told = [line.event().model_validate_json(message.data).job.version for page in pages for message in page]
    assert told == list(range(8))
    assert await consumers(line.nc) == before


async def test_of_nothing_there_are_no_pages_and_of_no_stream_an_error(line: "Line") -> None:
    """C9"""
    assert [page async for page in history.pages(line.nc, STREAM, line.consumer.filters[0])] == []
    with pytest.raises(NotFoundError):
        await history.end_of(line.nc, "NOWHERE")
    with pytest.raises(NoRespondersError):
        [page async for page in history.pages(line.nc, "NOWHERE", ">")]


async def test_the_end_moves_with_what_is_stored(line: "Line") -> None:
    """C9"""
    before = await history.end_of(line.nc, STREAM)
    await line.send(line.event())
    after = await history.end_of(line.nc, STREAM)
    assert after.made == before.made
    assert after.seq > before.seq
