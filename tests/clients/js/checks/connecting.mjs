import assert from "node:assert/strict";
import { absent, ask, check, heard, heardMany, numbers, upgraded } from "../checking.mjs";

check("a good token is let in", async ({ connect, mode }) => {
  const socket = await connect();
  const last = mode === "polling" ? "polling" : "websocket";
  assert.equal(socket.io.engine.transport.name, last);
  assert.equal(typeof socket.id, "string");
  assert.notEqual(socket.id, socket.io.engine.id); // it must not give the session away
});

check("a bad token is refused with code and message, and not tried again", async ({ dial }) => {
  const socket = dial({ token: "bad" });
  const [error] = await heard(socket, "connect_error");
  assert.equal(error.message, "The token is not good");
  assert.deepEqual(error.data, { code: "token_invalid", message: "The token is not good" });
  assert.equal(socket.active, false);
});

check("an auth that is no object is refused", async ({ dial }) => {
  const [error] = await heard(dial({}, { auth: (tell) => tell(undefined) }), "connect_error");
  assert.equal(error.data.code, "token_invalid");
});

check("a refused client is let in with another token", async ({ dial }) => {
  const socket = dial({ token: "bad" });
  await heard(socket, "connect_error");
  socket.auth = { token: "good" };
  socket.connect();
  await heard(socket, "connect");
  assert.deepEqual(await ask(socket, "add", 2, 3), { sum: 5 });
});

check("trouble of the server's makes the client try again by itself", async ({ dial, mode }) => {
  const socket = dial({ later: mode });
  const left = [];
  socket.on("connect_error", (error) => left.push(error.message));
  await heard(socket, "connect");
  assert.equal(left.filter((message) => message === "Later").length, 0);
  assert.deepEqual(await ask(socket, "add", 1, 1), { sum: 2 });
});

check("what is emitted before the answer to CONNECT comes after it", async ({ dial }) => {
  const socket = dial({ early: 20 });
  const order = [];
  socket.on("connect", () => order.push("connect"));
  socket.onAny(() => order.push("event"));
  const early = await heardMany(socket, "early", 20);
  assert.deepEqual(early.map(({ number }) => number), numbers(20));
  assert.deepEqual(order, ["connect", ...Array(20).fill("event")]);
});

check("an unknown namespace is a connect_error and disturbs nobody", async ({ connect }) => {
  const socket = await connect();
  const other = socket.io.socket("/nowhere", {});
  const [error] = await heard(other, "connect_error");
  assert.equal(typeof error.message, "string");
  assert.equal(other.connected, false);
  assert.deepEqual(await ask(socket, "add", 4, 4), { sum: 8 });
});

check("many clients connect at once", async ({ dial }) => {
  const sockets = numbers(30).map((number) => dial({ name: `crowd-${number}` }));
  await Promise.all(sockets.map((socket) => heard(socket, "connect")));
  const sums = await Promise.all(sockets.map((socket, number) => ask(socket, "add", number, 1)));
  assert.deepEqual(sums, numbers(30).map((number) => ({ sum: number + 1 })));
  assert.equal(new Set(sockets.map((socket) => socket.id)).size, 30);
});

check("a client that leaves while it connects leaves nothing behind", async ({ connect, dial, mode }) => {
  const name = `brief-${mode}`;
  for (const _ of numbers(10)) {
    const socket = dial({ name });
    await heard(socket.io, "open");
    socket.disconnect();
  }
  await absent(await connect(), name);
});

check("the event of an upgrade is no second connect", async ({ dial, mode }) => {
  const socket = dial();
  let connects = 0;
  socket.on("connect", () => connects++);
  await heard(socket, "connect");
  if (mode === "default") await upgraded(socket);
  await ask(socket, "add", 1, 2);
  assert.equal(connects, 1);
});
