// The peer of `just bench edge`: what realtime does for a socket, written for socket.io 4 as its manual would.
// The same token check, subscriptions, snapshot, limits and validation. It leaves out what the house has beyond
// that: figures, traces, revocations, recovery, order of events by version, and the H3 cell of a position.
"use strict";

const { createServer } = require("node:http");
const jwt = require("jsonwebtoken");
const { connect } = require("nats");
const { Server } = require("socket.io");
const { Audience } = require("./audience");
const { Throttle } = require("./throttle");
const { deliver } = require("./deliver");

const KEY = process.env.WAGGLE_JWT_KEY;
const ISSUER = process.env.WAGGLE_JWT_ISSUER;
const AUDIENCE = process.env.WAGGLE_JWT_AUDIENCE;
const FEED = { name: "pilots:online", subjects: ["live.feed.closed.>"] };

function refused(code, message) {
  return Object.assign(new Error(message), { data: { code, message } });
}

function verified(token) {
  try {
    const claims = jwt.verify(token, KEY, { algorithms: ["HS256"], issuer: ISSUER, audience: AUDIENCE });
    if (typeof claims.sub !== "string" || !["user", "pilot", "admin"].includes(claims.role)) throw new Error();
    return { subject: claims.sub, role: claims.role };
  } catch (error) {
    throw refused(error.name === "TokenExpiredError" ? "token_expired" : "token_invalid", "The token is not valid");
  }
}

function personal({ subject, role }) {
  const told = `live.notification.created.${subject}`;
  return role === "pilot"
    ? {
        name: `pilot:${subject}`,
        subjects: [`live.*.*.*.*.${subject}`, told, `driver.status.${subject}`, `presence.driver._._.${subject}`],
      }
    : { name: `user:${subject}`, subjects: [`live.*.*.*.${subject}.*`, told] };
}

function booking(id) {
  return { name: `booking:${id}`, subjects: [`live.*.*.${id}.*.*`, `tracking.live.${id}`] };
}

const within = (value, low, high) => typeof value === "number" && value >= low && value <= high;
const optional = (value, high) => value === undefined || value === null || within(value, -1, high);
const known = (value) => (typeof value === "number" && value >= 0 ? value : null);

function isPosition(said) {
  return (
    said !== null &&
    typeof said === "object" &&
    within(said.lat, -90, 90) &&
    within(said.lng, -180, 180) &&
    optional(said.heading, 360) &&
    optional(said.speed, 500)
  );
}

function error(code, message) {
  return { ok: false, error: { code, message } };
}

async function main() {
  const nc = await connect({ servers: process.env.WAGGLE_NATS_URL });
  const http = createServer((_request, response) => response.end("ok"));
  const io = new Server(http, { maxHttpBufferSize: 16 * 1024 });
  const audience = new Audience(nc, deliver(io));

  async function ask(subject, question) {
    const answer = await nc.request(subject, JSON.stringify(question), { timeout: 3000 });
    return answer.json();
  }

  async function restore(socket) {
    const { subject, role } = socket.data;
    if (role === "pilot") {
      const view = await ask("request.matching.driver", { driver_id: subject });
      if (view.state !== "offline") await audience.enter(socket, FEED);
    }
    const { jobs } = await ask("request.booking.open", { identity: { subject, role } });
    for (const job of jobs) await audience.enter(socket, booking(job.id));
    socket.emit("booking:snapshot", { bookings: jobs.map(({ id, status }) => ({ bookingId: id, status })) });
  }

  function located(socket, said) {
    const { subject, role, throttle } = socket.data;
    if (!throttle.take()) return error("ERR_RATE", "Too many events; slow down");
    if (role !== "pilot") return error("forbidden", "Not for this role");
    if (!isPosition(said)) return error("invalid", "Not a position");
    if (!throttle.locate()) return { ok: true, dropped: true };
    const { lat, lng } = said;
    const [heading, speed] = [known(said.heading), known(said.speed)];
    const body = { driver_id: subject, lat, lng, heading, speed, recorded_at: new Date().toISOString() };
    nc.publish(`driver.location._.${subject}`, JSON.stringify(body));
    return { ok: true };
  }

  io.use(async (socket, next) => {
    try {
      Object.assign(socket.data, verified(socket.handshake.auth.token), { throttle: new Throttle(50) });
      await audience.enter(socket, personal(socket.data));
      next();
    } catch (refusal) {
      next(refusal);
    }
  });
  io.on("connection", (socket) => {
    socket.on("pilot:location", (said, ack) => {
      const answer = located(socket, said);
      if (typeof ack === "function") ack(answer);
    });
    socket.on("disconnect", () => audience.leaveAll(socket));
    restore(socket).catch((failure) => console.error(failure));
  });

  // For the figure of memory, which is to show what is needed and not what was not collected yet.
  process.on("SIGUSR2", () => global.gc());
  process.on("SIGTERM", () => process.exit(0));
  http.listen(Number(process.env.WAGGLE_HTTP_PORT), "127.0.0.1", () => console.log("ready"));
}

main();
