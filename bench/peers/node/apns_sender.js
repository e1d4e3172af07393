// The peer of `just bench push`: pushes sent with @parse/node-apn as its manual says, one provider (that is one
// connection), its token kept. The same title, body, data and headers as ours.
// node apns_sender.js PORT CA_PEM KEY_P8 KEY_ID TEAM_ID
"use strict";

const { randomBytes, randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { connect } = require("node:http2");
const apn = require("@parse/node-apn");
const { obey } = require("./commands");
const { sendRows } = require("./apns_rows");

const [port, ca, key, keyId, teamId] = process.argv.slice(2);
const TOPIC = "app.waggle.driver";
const LIFE_S = 600;

const provider = new apn.Provider({
  token: { key, keyId, teamId },
  address: "127.0.0.1",
  port: Number(port),
  ca: readFileSync(ca),
});

const now = () => Number(process.hrtime.bigint()) / 1e6;

function offer(number) {
  const data = { job_id: randomUUID(), type: "new_job", address: "12 Main Street" };
  const words = { title: "New Job Nearby", body: `12 Main Street - $${number % 100}` };
  return { id: randomUUID(), token: randomBytes(32).toString("hex"), collapseId: randomUUID(), data, ...words };
}

async function send({ id, token, collapseId, data, title, body }) {
  const note = new apn.Notification();
  note.id = id;
  note.topic = TOPIC;
  note.pushType = "alert";
  note.priority = 10;
  note.collapseId = collapseId;
  note.expiry = Math.floor(Date.now() / 1000) + LIFE_S;
  note.alert = { title, body };
  note.sound = "default";
  note.aps["interruption-level"] = "time-sensitive";
  note.payload = data;
  const { failed } = await provider.send(note, token);
  if (failed.length) throw new Error(`a push failed: ${JSON.stringify(failed)}`);
}

// All of them, so many at the same time; seconds.
async function each(work, atOnce, one) {
  const waiting = work[Symbol.iterator]();
  const began = now();
  const oneAfterTheOther = async () => {
    for (const item of waiting) await one(item);
  };
  await Promise.all(Array.from({ length: atOnce }, oneAfterTheOther));
  return (now() - began) / 1000;
}

const offers = (many) => Array.from({ length: many }, (_, number) => offer(number));

// At so many a second; when each was handed over, by collapse id.
async function steady(many, rate) {
  const [handedOver, sending, began] = [[], [], now()];
  for (const [number, one] of offers(many).entries()) {
    const early = began + (number * 1000) / rate - now();
    if (early > 0) await new Promise((due) => setTimeout(due, early));
    handedOver.push([one.collapseId, now()]);
    sending.push(send(one));
  }
  await Promise.all(sending);
  return handedOver;
}

// Requests without a library or words to build: how much the sink takes at least.
async function flood(many, atOnce) {
  const session = connect(`https://127.0.0.1:${port}`, { ca: readFileSync(ca) });
  const body = Buffer.alloc(250, " ");
  const request = (number) =>
    new Promise((done, failed) => {
      const path = `/3/device/${"ab".repeat(32)}`;
      const stream = session.request({ ":method": "POST", ":path": path, "apns-id": String(number), "apns-topic": TOPIC });
      stream.on("response", done);
      stream.on("error", failed);
      stream.resume();
      stream.end(body);
    });
  const seconds = await each(Array(many).keys(), atOnce, request);
  session.close();
  return seconds;
}

obey({
  ready: () => true,
  memory: (many, atOnce) => each(offers(many), atOnce, send),
  rows: (host, database, user, atOnce) => sendRows({ host, database, user }, atOnce, send),
  steady,
  flood,
});
