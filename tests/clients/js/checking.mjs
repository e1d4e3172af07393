// What a check of an engine is written with.
import { io } from "socket.io-client";

const PATIENCE = 30_000; // ms; a check that waits longer for something has failed
const checks = [];

/** Names must be plain text on the same line: the Python side reads them from the source. */
export function check(name, run) {
  checks.push({ name, run });
}

export async function runChecks(url, mode, report) {
  await Promise.all(
    checks.map(async ({ name, run }) => {
      const visit = visitOf(url, mode);
      try {
        await run(visit);
        report({ name });
      } catch (error) {
        report({ name, error: String(error?.stack ?? error) });
      } finally {
        visit.leave();
      }
    }),
  );
}

/** What one check is given. Each of its sockets has a connection of its own. */
function visitOf(url, mode) {
  const sockets = [];
  const transports = { websocket: ["websocket"], polling: ["polling"] }[mode];

  /** A socket that has begun to connect; `auth` beside the good token, `options` of socket.io-client. */
  function dial(auth = {}, options = {}) {
    const socket = io(url, {
      forceNew: true,
      reconnectionDelay: 20,
      reconnectionDelayMax: 200,
      timeout: PATIENCE,
      ...(transports ? { transports } : {}),
      auth: { token: "good", ...auth },
      ...options,
    });
    sockets.push(socket);
    return socket;
  }

  /** The same, connected, and by its last transport. */
  async function connect(auth, options) {
    const socket = dial(auth, options);
    await heard(socket, "connect");
    if (mode === "default") await upgraded(socket);
    return socket;
  }

  const leave = () => sockets.forEach((socket) => socket.disconnect());
  return { url, mode, dial, connect, leave };
}

/** The arguments of the next event of this name. */
export function heard(emitter, name) {
  return within(name, (resolve) => emitter.once(name, (...values) => resolve(values)));
}

/** An array of what the next `count` events of this name bring: their first arguments. */
export function heardMany(socket, name, count) {
  const found = [];
  return within(`${count} × ${name}`, (resolve) => {
    socket.on(name, (value) => {
      found.push(value);
      if (found.length === count) resolve(found);
    });
  });
}

/** The acknowledgement of an event. */
export function ask(socket, name, ...values) {
  return socket.timeout(PATIENCE).emitWithAck(name, ...values);
}

/** Until the server has nobody of this name. */
export async function absent(socket, name) {
  const until = Date.now() + PATIENCE;
  while ((await ask(socket, "present", name)).present) {
    if (Date.now() > until) throw new Error(`${name} is still there`);
  }
}

export async function upgraded(socket) {
  const engine = socket.io.engine;
  if (engine.transport.name !== "websocket") await heard(engine, "upgrade");
}

/** Cut the line as a network does: the server hears nothing of it but the end. */
export function cut(socket) {
  const transport = socket.io.engine.transport;
  if (transport.name === "websocket") transport.ws.terminate();
  else transport.onError("cut");
}

export const numbers = (count) => Array.from({ length: count }, (_, number) => number);

function within(what, start) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited for ${what} in vain`)), PATIENCE);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
