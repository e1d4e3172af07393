"""The nkeys of the bus's users: `python -m wire.keys FOLDER` makes those of one installation.

FOLDER then has `<user>.seed` for each, which is secret and goes to that user alone, and `public.env` for
nats-server. deploy/k8s/README.md says where each belongs.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import nkeys

from contracts.nats_conf import key_variable
from contracts.permissions import USERS


def new_seeds(users: Iterable[str] = USERS) -> dict[str, str]:
    """A fresh seed for each (Ed25519; `SU…`)."""
    return {user: nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode() for user in users}


def public_key(seed: str) -> str:
    """What nats-server knows the holder of this seed by (`U…`). ValueError if it is none."""
    try:
        public: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
    except Exception as error:  # NkeysError, and what comes out of decoding it
        raise ValueError("not the seed of an nkey") from error
    return public.decode()


def server_environment(seeds: Mapping[str, str]) -> dict[str, str]:
    """The variables by which nats-server's `authorization` block names its users' keys."""
    return {key_variable(user): public_key(seed) for user, seed in seeds.items()}


def write(folder: Path) -> None:
    """FileExistsError rather than replace the seed of anybody."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    seeds = new_seeds()
    for user, seed in seeds.items():
        descriptor = os.open(folder / f"{user}.seed", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(seed)
    lines = (f"{name}={key}\n" for name, key in server_environment(seeds).items())
    (folder / "public.env").write_text("".join(lines))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
