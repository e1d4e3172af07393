"""nats-server's `authorization` block, generated: `python -m contracts.nats_conf [FILE]`.

Whose key is whose is said by the server's environment, so one file serves every installation.
"""

import json
import sys
from pathlib import Path

from contracts.permissions import USERS, Permissions, permissions_of

OPERATOR = "operator"
"""May do everything: a person or a tool at a development stack."""

RESPONSE_SECONDS = 300
"""How long after a question its answer is let through. Who asks gives up after seconds, but a service that is
swamped answers later all the same, and that is no violation. The server remembers for so long what was not
answered, and looks through all of it at each question once there are more than 4096."""

HEADER = """\
# Generated from libs/contracts by `just docs`; change contracts/access.py or the contracts, not this file.
# One user a service, known by its nkey. What no pattern allows is refused.
"""
OPEN = "# This bus lets everybody in: it is for tests of a single service.\n"


def key_variable(user: str) -> str:
    """The environment variable of nats-server that holds this user's public nkey."""
    return f"WAGGLE_NATS_NKEY_{user.upper()}"


def authorization(*, operator: bool = False) -> str:
    """The block, as text. `operator`: with a user more that may do everything."""
    users = [_user(user, permissions_of(user)) for user in USERS]
    if operator:
        users.append(f"    {{\n      nkey: ${key_variable(OPERATOR)}\n    }}\n")
    return f"{HEADER}authorization {{\n  users: [\n{''.join(users)}  ]\n}}\n"


def _user(name: str, granted: Permissions) -> str:
    answers = (
        f'        allow_responses: {{ max: 1, expires: "{RESPONSE_SECONDS}s" }}\n' if granted.answers else ""
    )
    return (
        f"    {{\n      # {name}\n      nkey: ${key_variable(name)}\n      permissions: {{\n"
        f"        publish: {{ allow: [{_listed(granted.publish)}] }}\n"
        f"        subscribe: {{ allow: [{_listed(granted.subscribe)}] }}\n"
        f"{answers}      }}\n    }}\n"
    )


def _listed(patterns: tuple[str, ...]) -> str:
    return "\n" + "".join(f"          {json.dumps(pattern)}\n" for pattern in patterns) + "        "


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(authorization())
    else:
        sys.stdout.write(authorization())
