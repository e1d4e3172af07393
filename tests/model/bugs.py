"""Seeded bugs: mutations of the domain, the policies and of how they are put together.

The explorer must find every one of them, or it proves nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from tests.model import commands, mutations, settings, transactions
from tests.model.mutations import Function
from tests.model.transactions import Transactions
from tests.model.world import Setting

from booking import domain as booking
from matching import domain
from matching.policies import candidates, choose


@dataclass(frozen=True)
class Bug:
    """`wrong(right)` is the function that stands where `right` stood."""

    name: str
    where: object
    function: str
    wrong: Callable[[Function], Function]
    setting: Setting

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """As long as this lasts the bug is in the code."""
        right = getattr(self.where, self.function)
        with patch.object(self.where, self.function, self.wrong(right)):
            yield


ONE, TWO = settings.ONE, settings.TWO
BUGS = (
    Bug("accept: a taken job once more", domain, "accept", mutations.accept_a_taken_job, settings.OPEN),
    Bug("accept: a busy driver", domain, "accept", mutations.accept_when_busy, settings.MIXED),
    Bug("accept: a suspended driver", domain, "accept", mutations.accept_unapproved, settings.CREW),
    Bug("accept: an expired offer", domain, "accept", mutations.accept_an_expired_offer, ONE),
    Bug("accept: after the search's time", domain, "accept", mutations.accept_after_the_search, ONE),
    Bug(
        "accept: the others' offers stay", domain, "accept", mutations.accept_leaves_the_others, settings.OPEN
    ),
    Bug("expire: an accepted offer", domain, "expire", mutations.expire_an_accepted_offer, ONE),
    Bug("expire: too early", domain, "expire", mutations.early_timer, ONE),
    Bug("time out: too early", domain, "time_out", mutations.early_timer, ONE),
    Bug("time out: offers stay", domain, "time_out", mutations.time_out_leaves_offers, ONE),
    Bug("cancel: the driver stays busy", Transactions, "record", mutations.frees_nobody, ONE),
    Bug("cancel: nobody hears that the driver is free", domain, "cancel", mutations.cancel_tells_nobody, ONE),
    Bug("cancel: an assignment stays", domain, "cancel", mutations.cancel_only_a_search, ONE),
    Bug(
        "cancel: unheard if before its order",
        Transactions,
        "job_cancelled",
        mutations.cancel_of_nothing,
        ONE,
    ),
    Bug("withdraw: nothing", domain, "withdraw", mutations.withdraw_nothing, settings.MIXED),
    Bug("ask: while an offer is live", choose, "next_step", mutations.ask_while_live, settings.LADDER),
    Bug("ask: without counting tries", choose, "next_step", mutations.count_no_tries, settings.ONE_TRY),
    Bug("ask: the same driver again", transactions, "untried", mutations.ask_anybody, ONE),
    Bug(
        "ask: who was tried on an earlier step",
        transactions,
        "untried",
        mutations.tried_on_this_step,
        settings.LADDER,
    ),
    Bug("ask: who holds another offer", candidates, "gate", mutations.gate_open(holds_exclusive=False), TWO),
    Bug("ask: who is busy", candidates, "gate", mutations.gate_open(busy=False), TWO),
    Bug("ask: who is offline", candidates, "gate", mutations.gate_open(online=True), settings.CREW),
    Bug("start: without a deadline", domain, "start", mutations.start_without_end, ONE),
    Bug("start: an older attempt, late", transactions, "is_known", mutations.known_if_equal, settings.RETRY),
    Bug("trip: the driver stays busy", Transactions, "job_moved_on", mutations.trip_frees_nobody, ONE),
    Bug("booking: an assignment overrules a cancel", booking, "assign", mutations.assign_after_all, ONE),
    Bug(
        "booking: an old search gives up the new",
        booking,
        "give_up",
        mutations.give_up_whatever,
        settings.RETRY,
    ),
    Bug("booking: a retry before it was told", commands, "look", mutations.look_away, settings.RETRY),
    Bug("booking: a step before it was told", commands, "look", mutations.look_away, ONE),
)
