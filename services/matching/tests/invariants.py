"""What must hold of matching's tables (DESIGN, "What must always hold"), as SQL.

Each statement selects what breaks its rule, of the jobs in $1 and the drivers in $2; the jobs in $3 may have
been completed. All that must hold always is one statement, so it sees one moment.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

OFFERS = "offer o JOIN search s ON s.id = o.search_id AND s.job_id = ANY($1)"
SEARCHES = "search s WHERE s.job_id = ANY($1)"

ALWAYS = {
    "two searches for one job": f"""
        SELECT s.job_id::text FROM {SEARCHES} AND s.state IN ('searching', 'assigned')
        GROUP BY s.job_id HAVING count(*) > 1""",
    "two jobs for one driver": f"""
        SELECT s.driver_id FROM {SEARCHES} AND s.state = 'assigned' AND s.job_id <> ALL($3)
        GROUP BY s.driver_id HAVING count(*) > 1""",
    "an assigned driver who does not hold the job": f"""
        SELECT s.id::text FROM {SEARCHES} AND s.state = 'assigned' AND s.job_id <> ALL($3)
        AND NOT EXISTS (SELECT 1 FROM driver WHERE id = s.driver_id AND active_job = s.job_id)""",
    "a driver who holds a job and is not assigned": """
        SELECT d.id FROM driver d WHERE d.id = ANY($2) AND d.active_job IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM search WHERE job_id = d.active_job AND driver_id = d.id AND state = 'assigned')""",
    "two live exclusive offers to one driver": f"""
        SELECT o.driver_id FROM {OFFERS} WHERE o.exclusive AND o.state = 'pending'
        GROUP BY o.driver_id HAVING count(*) > 1""",
    "two live offers of a search, one of them exclusive": f"""
        SELECT o.search_id::text FROM {OFFERS} WHERE o.state = 'pending'
        GROUP BY o.search_id HAVING count(*) > 1 AND bool_or(o.exclusive)""",
    "a live offer of a search that is over": f"""
        SELECT o.id::text FROM {OFFERS} WHERE o.state = 'pending' AND s.state <> 'searching'""",
    "a search that is over and stands open": f"""
        SELECT s.id::text FROM {SEARCHES} AND s.open AND s.state <> 'searching'""",
    "a driver asked twice in one search": f"""
        SELECT o.driver_id FROM {OFFERS} GROUP BY o.search_id, o.driver_id HAVING count(*) > 1""",
    "two winners": f"""
        SELECT o.search_id::text FROM {OFFERS} WHERE o.state = 'accepted'
        GROUP BY o.search_id HAVING count(*) > 1""",
    "an assignment without an acceptance": f"""
        SELECT s.id::text FROM {SEARCHES} AND s.state = 'assigned' AND NOT EXISTS
        (SELECT 1 FROM offer WHERE search_id = s.id AND driver_id = s.driver_id AND state = 'accepted')""",
    "an acceptance without an assignment": f"""
        SELECT o.id::text FROM {OFFERS} WHERE o.state = 'accepted'
        AND (s.state NOT IN ('assigned', 'cancelled') OR s.driver_id <> o.driver_id)""",
    # A job that stands open to all may be taken by a driver who let an offer of it lapse before (A9).
    "an offer accepted after its end": f"""
        SELECT o.id::text FROM {OFFERS} WHERE o.state = 'accepted' AND NOT o.answered_at < o.expires_at
        AND s.rules -> 'steps' -> s.rung ->> 'policy' <> 'broadcast'""",
    "a search won after its end": f"""
        SELECT s.id::text FROM {SEARCHES} AND s.state = 'assigned' AND NOT s.ended_at < s.deadline""",
    "an offer that expired before its time": f"""
        SELECT o.id::text FROM {OFFERS} WHERE o.state = 'expired' AND o.answered_at < o.expires_at""",
    "a search that timed out before its time": f"""
        SELECT s.id::text FROM {SEARCHES} AND s.state = 'timed_out' AND s.ended_at < s.deadline""",
}

WHEN_QUIET = {
    "a search that nobody ended": f"SELECT s.id::text FROM {SEARCHES} AND s.state = 'searching'",
    "a driver who was not freed": "SELECT id FROM driver WHERE id = ANY($2) AND active_job IS NOT NULL",
    "an assignment of a job that is off": f"""
        SELECT s.id::text FROM {SEARCHES} AND s.state = 'assigned' AND s.job_id <> ALL($3)""",
}


async def broken(
    database: asyncpg.Pool,
    rules: Mapping[str, str],
    jobs: Sequence[UUID],
    drivers: Sequence[str],
    over: Sequence[UUID],
) -> list[str]:
    """The rules that do not hold at this moment, and by whom."""
    # Every parameter is named once with its type: a rule need not use all of them.
    typed = "SELECT $1::uuid[], $2::text[], $3::uuid[]"
    parts = [f"SELECT '{rule}', found.* FROM ({sql}) AS found" for rule, sql in rules.items()]
    rows = await database.fetch(f"WITH _ AS ({typed}) {' UNION ALL '.join(parts)}", jobs, drivers, over)
    return [f"{rule}: {what}" for rule, what in rows]
