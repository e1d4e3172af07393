"""`python -m apns_standin`: the stand-in as a process of its own, until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from apns_standin.pushes import Push
from apns_standin.standin import DEFAULT_KEY_ID, DEFAULT_TEAM_ID, Standin, standin


def main() -> None:
    """Exit status 0 when told to stop, 1 with one line on stderr if it cannot start."""
    options = arguments().parse_args()
    ports_file: Path = options.state / "ports.json"
    # Whoever waits for this file waits for this run, not for the one before.
    ports_file.unlink(missing_ok=True)
    try:
        asyncio.run(serve(options, ports_file))
    except (OSError, ValueError) as error:
        sys.exit(f"apns: cannot start: {error}")
    finally:
        ports_file.unlink(missing_ok=True)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="apns_standin", description="A stand-in for Apple's push service.")
    parser.add_argument("--host", default="127.0.0.1", help="where senders connect (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="HTTP/2 over TLS; 0 picks a free one")
    parser.add_argument("--control-port", type=int, default=0, help="control plane; 0 picks a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder of ca.pem, key.p8, ports.json")
    parser.add_argument("--topics", type=topics, required=True, help="bundle ids, separated by commas")
    parser.add_argument("--key-id", default=DEFAULT_KEY_ID, help=f"kid of the tokens ({DEFAULT_KEY_ID})")
    parser.add_argument("--team-id", default=DEFAULT_TEAM_ID, help=f"iss of the tokens ({DEFAULT_TEAM_ID})")
    parser.add_argument(
        "--token-update-interval",
        type=float,
        metavar="SECONDS",
        help="429 TooManyProviderTokenUpdates for a new token sooner than this (Apple: 1200; default off)",
    )
    parser.add_argument("--verbose", action="store_true", help="print a line for each push")
    return parser


def topics(given: str) -> list[str]:
    found = [topic.strip() for topic in given.split(",") if topic.strip()]
    if not found:
        raise argparse.ArgumentTypeError("at least one bundle id is needed")
    return found


async def serve(options: argparse.Namespace, ports_file: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with standin(
        options.state,
        topics=options.topics,
        key_id=options.key_id,
        team_id=options.team_id,
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        token_update_interval_s=options.token_update_interval,
        on_push=print_push if options.verbose else lambda _push: None,
    ) as apns:
        write_ports(ports_file, apns)
        print(f"apns  ready on {apns.url}, control {apns.control_url}", flush=True)
        await stop.wait()


def write_ports(path: Path, apns: Standin) -> None:
    """Written whole, once both ports listen: its appearance means ready."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"host": apns.host, "port": apns.port, "control_port": apns.control_port}))
    draft.replace(path)


def print_push(push: Push) -> None:
    print(push_line(push), flush=True)


def push_line(push: Push) -> str:
    """`apns  3f9ac01b…  200  New Job Nearby: 12 Main St - $45`; of a refused or cut one, why."""
    outcome = f"{push.status or push.cut} {push.reason or ''}".strip()
    shown = ": ".join(part for part in (push.title, push.body) if part)
    line = f"apns  {push.token[:8]}…  {outcome}  {shown or push.headers.get('apns-push-type', '')}"
    # Titles are written by strangers: nothing of them may steer a terminal.
    return "".join(c if c.isprintable() else " " for c in line).rstrip()
