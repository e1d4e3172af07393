"""`python -m fcm_standin`: the stand-in as a process of its own, until SIGTERM or SIGINT."""

from fcm_standin.push import Push
from fcm_standin.standin import DEFAULT_PROJECT, standin
from standins import process


def main() -> None:
    """Exit status 0 when told to stop, 1 with one line on stderr if it cannot start."""
    parser = process.arguments("fcm_standin", "A stand-in for Google's push service.")
    parser.add_argument("--project", default=DEFAULT_PROJECT, help=f"project id ({DEFAULT_PROJECT})")
    options = parser.parse_args()
    opening = standin(
        options.state,
        project=options.project,
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        on_push=print_push if options.verbose else lambda _push: None,
    )
    process.run("fcm", options.state, opening)


def print_push(push: Push) -> None:
    outcome = f"{push.status or push.cut} {push.error or ''}".strip()
    process.print_push("fcm", push.token, outcome, push.title, push.body)
