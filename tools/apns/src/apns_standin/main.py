"""`python -m apns_standin`: the stand-in as a process of its own, until SIGTERM or SIGINT."""

import argparse

from apns_standin.push import Push
from apns_standin.standin import DEFAULT_KEY_ID, DEFAULT_TEAM_ID, standin
from standins import process


def main() -> None:
    """Exit status 0 when told to stop, 1 with one line on stderr if it cannot start."""
    options = arguments().parse_args()
    opening = standin(
        options.state,
        topics=options.topics,
        key_id=options.key_id,
        team_id=options.team_id,
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        token_update_interval_s=options.token_update_interval,
        on_push=print_push if options.verbose else lambda _push: None,
    )
    process.run("apns", options.state, opening)


def arguments() -> argparse.ArgumentParser:
    parser = process.arguments("apns_standin", "A stand-in for Apple's push service.")
    parser.add_argument("--topics", type=topics, required=True, help="bundle ids, separated by commas")
    parser.add_argument("--key-id", default=DEFAULT_KEY_ID, help=f"kid of the tokens ({DEFAULT_KEY_ID})")
    parser.add_argument("--team-id", default=DEFAULT_TEAM_ID, help=f"iss of the tokens ({DEFAULT_TEAM_ID})")
    parser.add_argument(
        "--token-update-interval",
        type=float,
        metavar="SECONDS",
        help="429 TooManyProviderTokenUpdates for a new token sooner than this (Apple: 1200; default off)",
    )
    return parser


def topics(given: str) -> list[str]:
    found = [topic.strip() for topic in given.split(",") if topic.strip()]
    if not found:
        raise argparse.ArgumentTypeError("at least one bundle id is needed")
    return found


def print_push(push: Push) -> None:
    outcome = f"{push.status or push.cut} {push.reason or ''}".strip()
    shown = (push.title, push.body) if push.title or push.body else (push.headers.get("apns-push-type"),)
    process.print_push("apns", push.token, outcome, *shown)
