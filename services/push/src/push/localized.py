"""Texts that the app has of its own, in the phone's language, named by their keys."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Localized:
    """On the phone a key takes the place of the title, or body; its args go into the app's text."""

    title_key: str | None = None
    title_args: tuple[str, ...] = ()
    body_key: str | None = None
    body_args: tuple[str, ...] = ()

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def from_kept(kept: Mapping[str, Any] | None) -> Localized | None:
    """The inverse of `Localized.kept`; None of None."""
    if kept is None:
        return None
    return Localized(kept["title_key"], tuple(kept["title_args"]), kept["body_key"], tuple(kept["body_args"]))
