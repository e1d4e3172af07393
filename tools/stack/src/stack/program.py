"""One process of the stack: what to run, as whom, and how it is ended."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any


class Tier(IntEnum):
    """What ends together. Lower ends first, so that a draining service still has its bus and database."""

    SERVICE = 0
    EDGE = 1
    PART = 2


@dataclass(frozen=True)
class Program:
    """`grace` is the time in seconds between `stop_signal` and SIGKILL; `user` only counts for root."""

    name: str
    command: Sequence[str]
    tier: Tier
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    grace: float = 8.0

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Program":
        return cls(**{**data, "tier": Tier(data["tier"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Charge:
    """What the supervisor process is told at its start: the programs, and where to write."""

    programs: Sequence[Program]
    folder: Path
    log_folder: Path
    colour: bool

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Charge":
        return cls(
            programs=[Program.from_json(program) for program in data["programs"]],
            folder=Path(data["folder"]),
            log_folder=Path(data["log_folder"]),
            colour=data["colour"],
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "programs": [program.to_json() for program in self.programs],
            "folder": str(self.folder),
            "log_folder": str(self.log_folder),
            "colour": self.colour,
        }
