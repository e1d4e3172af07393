import assert from "node:assert/strict";
import { ask, check, heard, heardMany, numbers } from "../checking.mjs";

const UNICODE = { text: "नमस्ते 🚕 \u2028 \u0000 \" \\ é", é: [null, true, 1.5, -0.001, 1e21, {}, []] };
const LIMIT = 100_000; // bytes, of these servers

check("an event is acknowledged", async ({ connect }) => {
  const socket = await connect();
  assert.deepEqual(await ask(socket, "add", 2, 3), { sum: 5 });
});

check("an acknowledgement may come late, and others after it", async ({ connect }) => {
  const socket = await connect();
  const order = [];
  const asked = [["slow", 0], ["add", 1, 1], ["slow", 2]].map(async (event) => {
    order.push(await ask(socket, ...event));
  });
  await Promise.all(asked);
  assert.deepEqual(order, [{ slow: 0 }, { sum: 2 }, { slow: 2 }]);
});

check("an event without arguments, and one with many", async ({ connect }) => {
  const socket = await connect();
  assert.deepEqual(await ask(socket, "nothing"), { name: "nothing", arguments: [] });
  const many = [1, "two", { three: 3 }, [4], null];
  assert.deepEqual(await ask(socket, "many", ...many), { name: "many", arguments: many });
});

check("a typed event is decoded, and one that does not fit is told as it came", async ({ connect }) => {
  const socket = await connect();
  assert.deepEqual(await ask(socket, "move", { lat: 1.5, lng: -2 }), { typed: [1.5, -2] });
  assert.deepEqual(await ask(socket, "spin", 7), { typed: 7 });
  for (const wrong of [{ lat: "1.5", lng: 2 }, { lat: 1 }, null, "text", [1, 2]]) {
    assert.deepEqual(await ask(socket, "move", wrong), { name: "move", arguments: [wrong] });
  }
  assert.deepEqual(await ask(socket, "move"), { name: "move", arguments: [] });
  const two = [{ lat: 1, lng: 2 }, 3];
  assert.deepEqual(await ask(socket, "move", ...two), { name: "move", arguments: two });
});

check("unicode and every kind of JSON value go both ways", async ({ connect }) => {
  const socket = await connect();
  const back = heard(socket, "back");
  socket.emit("back", UNICODE);
  assert.deepEqual(await back, [UNICODE]);
  assert.deepEqual((await ask(socket, "é🚕", UNICODE)).arguments, [UNICODE]);
});

check("half a surrogate pair is no trouble", async ({ connect }) => {
  const socket = await connect();
  const answer = await ask(socket, "half", { text: "a\ud800b" });
  assert.equal(answer.name, "half");
  assert.deepEqual(await ask(socket, "add", 1, 1), { sum: 2 });
});

check("1,000 events from the server come in order", async ({ connect }) => {
  const socket = await connect();
  const counted = heardMany(socket, "counted", 1000);
  socket.emit("count", 1000);
  assert.deepEqual(await counted, numbers(1000).map((number) => ({ number })));
});

check("1,000 events from the client in one burst are handled in order", async ({ connect }) => {
  const socket = await connect();
  const backs = heardMany(socket, "back", 1000);
  for (const number of numbers(1000)) socket.emit("back", number);
  assert.deepEqual(await backs, numbers(1000));
});

check("1,000 acknowledgements of one burst are each for its own event", async ({ connect }) => {
  const socket = await connect();
  const sums = await Promise.all(numbers(1000).map((number) => ask(socket, "add", number, number)));
  assert.deepEqual(sums, numbers(1000).map((number) => ({ sum: 2 * number })));
});

check("what is emitted before it is connected is sent then, in order", async ({ dial }) => {
  const socket = dial();
  const backs = heardMany(socket, "back", 50);
  for (const number of numbers(50)) socket.emit("back", number);
  assert.deepEqual(await backs, numbers(50));
});

check("big payloads up to the limit go both ways", async ({ connect }) => {
  const socket = await connect();
  for (const size of [1_000, 20_000, 70_000, LIMIT - 100]) {
    const text = "x".repeat(size);
    const back = heard(socket, "back");
    assert.deepEqual(await ask(socket, "back", text), { ok: true });
    assert.equal((await back)[0].length, size);
  }
});

check("a big payload of unicode is measured in bytes and goes both ways", async ({ connect }) => {
  const socket = await connect();
  const text = "🚕".repeat((LIMIT - 100) / 4);
  const back = heard(socket, "back");
  socket.emit("back", text);
  assert.deepEqual(await back, [text]);
});

check("a payload past the limit ends its connection, and the client comes back", async ({ connect }) => {
  const socket = await connect();
  const gone = heard(socket, "disconnect");
  socket.emit("back", "x".repeat(LIMIT + 1000));
  assert.notEqual((await gone)[0], "io server disconnect");
  await heard(socket, "connect");
  assert.deepEqual(await ask(socket, "add", 1, 1), { sum: 2 });
});

check("a binary payload ends its connection, and the client comes back", async ({ connect }) => {
  const socket = await connect();
  const gone = heard(socket, "disconnect");
  socket.emit("back", Buffer.from([1, 2, 3]));
  assert.notEqual((await gone)[0], "io server disconnect");
  await heard(socket, "connect");
  assert.deepEqual(await ask(socket, "add", 1, 1), { sum: 2 });
});

check("rooms: whoever is in any of them hears it once, whoever is left out does not", async (visit) => {
  const room = (name) => `${visit.mode}-${name}`;
  const [one, two, three] = [await visit.connect(), await visit.connect(), await visit.connect()];
  for (const socket of [one, two, three]) await ask(socket, "join", room("a"));
  for (const socket of [one, two]) await ask(socket, "join", room("b"));
  await ask(two, "join", room("c"));
  const told = [one, two, three].map((socket) => {
    const heardHere = [];
    socket.on("told", (...values) => heardHere.push(values));
    return heardHere;
  });
  const tell = (rooms, payload, skip = []) => ask(one, "tell", rooms, payload, skip);
  await tell([room("a"), room("b")], 1);
  await tell([room("b"), room("c")], 2, [one.id]);
  await tell([three.id], 3);
  await ask(three, "leave", room("a"));
  await ask(three, "leave", room("a"));
  await tell([room("a"), room("nobody")], 4);
  for (const socket of [one, two, three]) {
    const mark = heard(socket, "back");
    socket.emit("back", "mark");
    await mark;
  }
  assert.deepEqual(told, [[[1], [4]], [[1], [2], [4]], [[1], [3]]]);
});

check("hundreds of events both ways at once are each told once and in order", async ({ connect }) => {
  const socket = await connect();
  const counted = heardMany(socket, "counted", 500);
  const backs = heardMany(socket, "back", 500);
  socket.emit("count", 250, true);
  for (const number of numbers(250)) socket.emit("back", number);
  socket.emit("count", 250, true);
  for (const number of numbers(250)) socket.emit("back", 250 + number);
  assert.deepEqual(await backs, numbers(500));
  assert.deepEqual((await counted).map(({ number }) => number), [...numbers(250), ...numbers(250)]);
});
