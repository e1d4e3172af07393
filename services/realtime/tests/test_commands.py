import pytest

from contracts.ids import new_id
from contracts.models import JobStatus
from realtime.incoming import COMMANDS

from . import made
from .conftest import Dial
from .neighbours import Neighbours

pytestmark = pytest.mark.usefixtures("neighbours")

ROLES = ("user", "pilot", "admin")
NEEDS_BOOKING = sorted(name for name in COMMANDS if name.startswith(("booking:", "offer:")))
MALFORMED = [
    "text",
    17,
    True,
    [],
    ["x"],
    {"bookingId": None},
    {"bookingId": 7},
    {"bookingId": "not-a-uuid"},
    {"bookingId": {"$gt": ""}},
    {"bookingid": "0191e2b0-0000-7000-8000-000000000000"},
    ({"bookingId": "0191e2b0-0000-7000-8000-000000000000"}, "two arguments"),
]


@pytest.mark.parametrize("name", NEEDS_BOOKING)
async def test_a_malformed_payload_is_refused_and_the_socket_lives(dial: Dial, name: str) -> None:
    """Bad input: an error ack that names the field, never an exception, never a hang-up."""
    role = next(role for role in ROLES if role in COMMANDS[name].roles)
    codes = []
    for payload in [None, *MALFORMED][:10]:  # the limit on subscriptions would answer the eleventh
        phone = await dial("kim-c1", role)
        answer = await phone.ask(name, payload)
        codes.append(answer["error"]["code"])
        assert answer["error"]["message"]
        assert (await phone.ask("no:such"))["error"]["code"] == "unknown_event"
        await phone.hang_up()
    assert codes == ["invalid"] * 10


@pytest.mark.parametrize("name", sorted(COMMANDS))
async def test_an_event_is_only_for_its_roles(dial: Dial, name: str) -> None:
    """C1, C9: roles come from the token."""
    for role in ROLES:
        if role in COMMANDS[name].roles:
            continue
        phone = await dial("kim-c2", role)
        answer = await phone.ask(name, {"bookingId": str(new_id())})
        assert answer["error"]["code"] == "forbidden"
        await phone.hang_up()


@pytest.mark.parametrize(
    "payload",
    [
        "v",
        {"vehicleId": 7},
        {"vehicleId": "v" * 101},
        {"vehicleId": "v", "lat": "1"},
        {"vehicleId": "v", "lat": 1},
        {"vehicleId": "v", "lat": 91, "lng": 0},
    ],
)
async def test_going_online_with_nonsense_is_refused(dial: Dial, payload: object) -> None:
    """C2"""
    dan = await dial("dan-c3", "pilot")
    assert (await dan.ask("pilot:online", payload))["error"]["code"] == "invalid"


async def test_a_driver_goes_online_and_offline_as_itself(dial: Dial, neighbours: Neighbours) -> None:
    """C2: whoever it says it is, the token decides."""
    dan = await dial("dan-c4", "pilot")
    answer = await dan.ask("pilot:online", {"vehicleId": "v", "lat": 1, "lng": 2, "driverId": "other"})
    assert answer == {"ok": True, "state": "available", "approved": True}
    assert neighbours.drivers["dan-c4"].state == "available"
    assert "other" not in neighbours.drivers
    assert (await dan.ask("pilot:offline", {}))["state"] == "offline"


async def test_one_driver_wins_and_the_other_is_told_so(dial: Dial) -> None:
    """A5, B7"""
    ref = {"bookingId": str(new_id())}
    dan, rick = await dial("dan-c5", "pilot"), await dial("rick-c5", "pilot")
    assert await dan.ask("offer:accept", ref) == {"ok": True, **ref, "status": "accepted"}
    assert (await rick.ask("offer:accept", ref))["error"] == {
        "code": "already_accepted",
        "message": "Job already accepted by another driver",
    }
    assert (await dan.ask("offer:accept", ref))["ok"]


async def test_an_offer_is_declined(dial: Dial) -> None:
    """B5"""
    ref = {"bookingId": str(new_id())}
    dan = await dial("dan-c6", "pilot")
    assert await dan.ask("offer:decline", ref) == {"ok": True, **ref}


async def test_a_customer_cancels_its_own_booking_and_no_other(dial: Dial, neighbours: Neighbours) -> None:
    """B11"""
    ann, eve = await dial("ann-c7", "user"), await dial("eve-c7", "user")
    job = neighbours.add(made.job("ann-c7"))
    asked = {"bookingId": str(job.id), "reason": "changed my mind"}
    assert (await eve.ask("booking:cancel", asked))["error"]["code"] == "not_found"
    assert (await ann.ask("booking:cancel", {**asked, "reason": 7}))["error"]["code"] == "invalid"
    assert (await ann.ask("booking:cancel", asked))["booking"]["status"] == "cancelled"
    assert neighbours.jobs[job.id].status is JobStatus.cancelled


async def test_a_customer_searches_again(dial: Dial, neighbours: Neighbours) -> None:
    """B10"""
    ann = await dial("ann-c8", "user")
    job = neighbours.add(made.job("ann-c8"))
    answer = await ann.ask("booking:retry", {"bookingId": str(job.id)})
    assert answer["booking"]["bookingId"] == str(job.id)


async def test_a_driver_moves_its_job_on(dial: Dial, neighbours: Neighbours) -> None:
    """C12"""
    dan, rick = await dial("dan-c9", "pilot"), await dial("rick-c9", "pilot")
    job = neighbours.add(made.job("ann-c9", driver=made.card("dan-c9"), status=JobStatus.accepted))
    asked = {"bookingId": str(job.id), "status": "en_route"}
    assert (await rick.ask("booking:update_status", asked))["error"]["code"] == "not_found"
    refused = await dan.ask("booking:update_status", {**asked, "status": "flying"})
    assert refused["error"]["code"] == "invalid"
    assert (await dan.ask("booking:update_status", asked))["booking"]["status"] == "en_route"
