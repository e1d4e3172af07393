// What both senders of `just bench push` send to: takes every push with 200 as soon as its body is there, and
// remembers when that was. It checks nothing: that pushes are right is proved against tools/apns.
// node apns_sink.js PORT SERVER_PEM
"use strict";

const { readFileSync } = require("node:fs");
const { createSecureServer } = require("node:http2");
const { obey } = require("./commands");

const [port, pemFile] = process.argv.slice(2);
const pem = readFileSync(pemFile);
const CONCURRENT_STREAMS = 1000; // as Apple's settings frame was seen to say

let arrivals = []; // [apns-id, apns-collapse-id, milliseconds of the monotonic clock]
let waiting = () => {};

function take(stream, headers) {
  const id = headers["apns-id"];
  stream.on("error", () => {}); // given up by the sender, who will count it
  stream.on("end", () => {
    arrivals.push([id, headers["apns-collapse-id"], Number(process.hrtime.bigint()) / 1e6]);
    stream.respond({ ":status": 200, "apns-id": id }, { endStream: true });
    waiting();
  });
  stream.resume();
}

function received(many) {
  return new Promise((done) => {
    waiting = () => {
      if (arrivals.length < many) return;
      waiting = () => {};
      const distinct = new Set(arrivals.map(([id]) => id)).size;
      done({ received: arrivals.length, distinct, last_ms: arrivals[many - 1][2] });
    };
    waiting();
  });
}

const server = createSecureServer({
  key: pem,
  cert: pem,
  settings: { maxConcurrentStreams: CONCURRENT_STREAMS },
});
server.on("stream", take);
server.on("sessionError", () => {}); // a sender that is ended says no goodbye
server.listen(Number(port), "127.0.0.1", () =>
  obey({
    ready: () => true,
    forget: () => (arrivals = []).length,
    received, // once there are so many
    arrivals: () => arrivals.map(([, collapseId, at]) => [collapseId, at]),
  }),
);
