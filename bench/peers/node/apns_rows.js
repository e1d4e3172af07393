// The same pushes from a queue in PostgreSQL, with ours's promises: a row is claimed before it is sent, by nobody
// else until its lease ends, and what became of it is written back. As plainly as `pg` allows: in batches, the
// next one claimed while this one is sent.
"use strict";

const { Pool } = require("pg");

const CLAIM = `
  UPDATE peer_delivery d SET attempts = d.attempts + 1, next_attempt_at = now() + interval '7 s'
  FROM (SELECT id FROM peer_delivery WHERE state = 'pending' AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED) due,
       peer_notification n, peer_device v
  WHERE d.id = due.id AND n.id = d.notification_id AND v.token = d.token
  RETURNING d.id, d.token, d.attempts, n.title, n.body, n.data, n.collapse_id AS "collapseId"`;

const SETTLE = `
  UPDATE peer_delivery d SET state = 'sent', sent_at = now()
  FROM unnest($1::uuid[], $2::int[]) AS o(id, attempt)
  WHERE d.id = o.id AND d.state = 'pending' AND d.attempts = o.attempt`;

async function sendRows(where, batch, send) {
  const pool = new Pool({ ...where, max: 4 });
  const began = process.hrtime.bigint();
  const claim = async () => (await pool.query({ name: "claim", text: CLAIM, values: [batch] })).rows;

  async function deliver(rows) {
    await Promise.all(rows.map(send));
    const values = [rows.map(({ id }) => id), rows.map(({ attempts }) => attempts)];
    await pool.query({ name: "settle", text: SETTLE, values });
  }

  let before = Promise.resolve();
  for (let rows = await claim(); rows.length; rows = await claim()) {
    await before; // two batches at the same time: one on its way, one being claimed
    before = deliver(rows);
  }
  await before;
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  await pool.end();
  return seconds;
}

module.exports = { sendRows };
