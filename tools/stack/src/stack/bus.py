"""Who may do what on the stack's bus: the users and permissions of production, and an operator besides."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contracts.nats_conf import OPERATOR, authorization
from contracts.permissions import USERS
from stack.state import State, write_private
from wire.keys import new_seeds, server_environment

CONFIG = Path(__file__).resolve().parents[4] / "deploy" / "local" / "nats.conf"


@dataclass(frozen=True)
class Bus:
    """nats-server's configuration, and the seeds of its users; none of a bus that lets everybody in."""

    config: Path = CONFIG
    seeds: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def server_env(self) -> dict[str, str]:
        """What the configuration wants from the environment of nats-server: the users' public keys."""
        return server_environment(self.seeds)

    def env_of(self, user: str) -> dict[str, str]:
        """What a process of this user wants from its environment."""
        return {"WAGGLE_NATS_NKEY_SEED": self.seeds[user]} if self.seeds else {}

    @property
    def operator(self) -> dict[str, str]:
        """Arguments of `nats.connect` for who may do everything, e.g. to look on."""
        return {"nkeys_seed_str": self.seeds[OPERATOR]} if self.seeds else {}


def guarded_bus(state: State) -> Bus:
    """With the permissions that the contracts give as of now. Seeds are new in each run; the operator's is in
    `operator.nk`, too, for a person with the `nats` command (`--nkey`)."""
    seeds = new_seeds((*USERS, OPERATOR))
    config = state.root / "nats.conf"
    declared = os.path.relpath(CONFIG, config.parent.resolve())  # nats-server includes by relative paths only
    config.write_text(f'include "{declared}"\n\n{authorization(operator=True)}')
    write_private(state.root / "operator.nk", seeds[OPERATOR])
    return Bus(config, seeds)
