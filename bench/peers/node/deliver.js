"use strict";

const REMEMBERED = 100_000;

// Event → room, name, payload: those of realtime's table `outgoing` that the bench sends.
const OUTGOING = {
  "notification.created": (event) => [
    [`user:${event.user_id}`, `pilot:${event.user_id}`],
    "notification",
    {
      id: event.notification_id,
      title: event.title,
      body: event.body,
      type: event.kind,
      data: event.data,
      createdAt: new Date(event.created_at).toISOString(),
    },
  ],
  "feed.closed": (event) => [
    "pilots:online",
    event.status === "accepted" ? "job:accepted" : "job:closed",
    { job_id: event.job_id, status: event.status, driver_id: event.driver_id },
  ],
};

function located(io, message) {
  const track = message.json();
  const { lat, lng, heading, speed } = track;
  const timestamp = new Date(track.recorded_at).toISOString();
  io.to(`booking:${track.job_id}`).emit("location:update", { lat, lng, heading, speed, timestamp });
}

// One message of the bus; each event once, however many subscriptions bring it.
function deliver(io) {
  const delivered = new Set();
  return (message) => {
    if (message.subject.startsWith("tracking.live.")) {
      located(io, message);
      return;
    }
    const id = message.headers?.get("ce-id");
    const said = OUTGOING[message.headers?.get("ce-type")];
    if (!id || !said || delivered.has(id)) return;
    delivered.add(id);
    if (delivered.size > REMEMBERED) delivered.delete(delivered.values().next().value);
    const [rooms, name, payload] = said(message.json());
    io.to(rooms).emit(name, payload);
  };
}

module.exports = { deliver };
