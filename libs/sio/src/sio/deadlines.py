"""What is due after a delay that is the same for all: one queue, and no timer for each."""

from typing import Generic, TypeVar

Item = TypeVar("Item")


class Deadlines(Generic[Item]):
    """Items, each due `delay` seconds after it was added. All costs are constant. Times are a clock's that is
    the caller's."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._due: dict[Item, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, item: Item) -> bool:
        return item in self._due

    def add(self, item: Item, now: float) -> None:
        """Due later than all before it; anew if it was there."""
        self._due.pop(item, None)
        self._due[item] = now + self._delay

    def remove(self, item: Item) -> None:
        """Nothing happens if it is not there."""
        self._due.pop(item, None)

    def take_due(self, now: float) -> list[Item]:
        """Those that are due, which are then not here any more."""
        due: list[Item] = []
        for item, at in self._due.items():
            if at > now:
                break
            due.append(item)
        for item in due:
            del self._due[item]
        return due
