import assert from "node:assert/strict";
import { ask, check, heard } from "../checking.mjs";

const TOKEN = { token: "good" };

async function comeBack(socket) {
  const gone = heard(socket, "disconnect");
  socket.emit("hang_up");
  await gone;
  await heard(socket, "connect");
}

check("an event's offset is its last argument, and comes back with the pid", async ({ connect }) => {
  const socket = await connect({ recover: true });
  assert.equal(socket.recovered, false);
  const back = heard(socket, "back");
  socket.emit("back", { n: 1 }, "offset-1");
  assert.deepEqual(await back, [{ n: 1 }, "offset-1"]);
  const missed = heard(socket, "missed");
  await comeBack(socket);
  assert.equal(socket.recovered, true);
  assert.deepEqual(await missed, [{ after: "offset-1" }, "missed-1"]);
  const { pid, offset, ...rest } = await ask(socket, "handshake");
  assert.equal(typeof pid, "string");
  assert.equal(offset, "offset-1");
  assert.deepEqual(rest, { ...TOKEN, recover: true });
});

check("it recovers again and again, each time from the last offset", async ({ connect }) => {
  const socket = await connect({ recover: true });
  for (const number of [1, 2, 3]) {
    const back = heard(socket, "back");
    socket.emit("back", number, `offset-${number}`);
    await back;
    const missed = heard(socket, "missed");
    await comeBack(socket);
    assert.equal(socket.recovered, true);
    assert.deepEqual(await missed, [{ after: `offset-${number}` }, "missed-1"]);
  }
});

check("an event without an offset has one argument", async ({ connect }) => {
  const socket = await connect({ recover: true });
  const back = heard(socket, "back");
  socket.emit("back", { n: 1 });
  assert.deepEqual(await back, [{ n: 1 }]);
});

check("a client that nobody knows any more gets another pid, and has not recovered", async ({ connect }) => {
  const socket = await connect({ recover: true });
  const unknown = "somebody-else";
  socket._pid = unknown; // as after a restart of the server
  await comeBack(socket);
  assert.equal(socket.recovered, false);
  assert.notEqual(socket._pid, unknown);
  assert.equal((await ask(socket, "handshake")).pid, unknown);
});

check("a client that did not ask for it gets neither pid nor offsets", async ({ connect }) => {
  const socket = await connect();
  const back = heard(socket, "back");
  socket.emit("back", { n: 1 }, "offset-1");
  assert.deepEqual(await back, [{ n: 1 }]);
  await comeBack(socket);
  assert.ok(!socket.recovered);
  assert.equal(socket._pid, undefined);
  assert.deepEqual(await ask(socket, "handshake"), TOKEN);
});

check("one room, two kinds of clients: the offset goes only to those who can use it", async (visit) => {
  const room = `mixed-${visit.mode}`;
  const [old, able] = [await visit.connect(), await visit.connect({ recover: true })];
  for (const socket of [old, able]) await ask(socket, "join", room);
  const told = [heard(old, "told"), heard(able, "told")];
  await ask(old, "tell", [room], "x", []);
  assert.deepEqual(await Promise.all(told), [["x"], ["x", "told-1"]]);
});
