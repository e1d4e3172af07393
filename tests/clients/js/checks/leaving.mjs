import assert from "node:assert/strict";
import { absent, ask, check, cut, heard } from "../checking.mjs";

check("a kicked client hears so and does not come back by itself", async ({ connect }) => {
  const socket = await connect();
  const gone = heard(socket, "disconnect");
  socket.emit("kick");
  assert.equal((await gone)[0], "io server disconnect");
  assert.equal(socket.active, false);
});

check("what was emitted before a kick, and its acknowledgement, still arrive", async ({ connect }) => {
  const socket = await connect();
  const heardLast = [];
  socket.on("counted", () => heardLast.push("counted"));
  const gone = heard(socket, "disconnect").then(() => heardLast.push("gone"));
  socket.emit("count", 5);
  socket.emit("kick", () => heardLast.push("kicked"));
  await gone;
  assert.deepEqual(heardLast.slice(0, 5), Array(5).fill("counted"));
  assert.equal(heardLast.at(-1), "gone");
});

check("a kicked client may connect again", async ({ connect }) => {
  const socket = await connect();
  const gone = heard(socket, "disconnect");
  socket.emit("kick");
  await gone;
  socket.connect();
  await heard(socket, "connect");
  assert.deepEqual(await ask(socket, "add", 2, 2), { sum: 4 });
});

check("a client that is hung up on comes back by itself", async ({ connect }) => {
  const socket = await connect();
  const before = socket.id;
  const gone = heard(socket, "disconnect");
  socket.emit("hang_up");
  assert.notEqual((await gone)[0], "io server disconnect");
  assert.equal(socket.active, true);
  await heard(socket, "connect");
  assert.notEqual(socket.id, before);
  assert.deepEqual(await ask(socket, "add", 2, 2), { sum: 4 });
});

check("a client whose line was cut comes back by itself, and the old socket goes", async (visit) => {
  const [name, again] = [`cut-${visit.mode}`, `cut-again-${visit.mode}`];
  const socket = await visit.connect({ name });
  socket.auth = { token: "good", name: again };
  const back = heard(socket, "connect");
  cut(socket);
  await back;
  await absent(socket, name);
  assert.deepEqual(await ask(socket, "present", again), { present: 1 });
});

check("what is emitted while it is away is sent when it is back", async ({ connect }) => {
  const socket = await connect();
  const gone = heard(socket, "disconnect");
  socket.emit("hang_up");
  await gone;
  assert.deepEqual(await ask(socket, "add", 20, 2), { sum: 22 });
});

check("a client that disconnects is gone, and may connect again", async (visit) => {
  const name = `left-${visit.mode}`;
  const [socket, other] = [await visit.connect({ name }), await visit.connect()];
  assert.deepEqual(await ask(other, "present", name), { present: 1 });
  const gone = heard(socket, "disconnect");
  socket.disconnect();
  assert.equal((await gone)[0], "io client disconnect");
  await absent(other, name);
  socket.connect();
  await heard(socket, "connect");
  assert.deepEqual(await ask(other, "present", name), { present: 1 });
});

check("a client that comes back has left its rooms", async ({ connect, mode }) => {
  const room = `once-${mode}`;
  const [socket, other] = [await connect(), await connect()];
  await ask(socket, "join", room);
  const gone = heard(socket, "disconnect");
  socket.emit("hang_up");
  await gone;
  await heard(socket, "connect");
  const told = [];
  socket.on("told", (payload) => told.push(payload));
  await ask(other, "tell", [room], 1, []);
  await ask(other, "tell", [socket.id], 2, []);
  await ask(socket, "add", 1, 1);
  assert.deepEqual(told, [2]);
});
