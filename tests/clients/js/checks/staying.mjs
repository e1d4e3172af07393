// Against a server that pings several times a second.
import assert from "node:assert/strict";
import { ask, check, heard, numbers } from "../checking.mjs";

check("a quiet client that answers its pings stays", async ({ connect }) => {
  const socket = await connect();
  let left = 0;
  socket.on("disconnect", () => left++);
  for (const _ of numbers(4)) await heard(socket.io, "ping");
  assert.deepEqual(await ask(socket, "add", 1, 1), { sum: 2 });
  assert.equal(left, 0);
});

check("a busy client that answers its pings stays", async ({ connect }) => {
  const socket = await connect();
  let [left, pings] = [0, 0];
  socket.on("disconnect", () => left++);
  socket.io.on("ping", () => pings++);
  while (pings < 4) await ask(socket, "back", "x".repeat(1000));
  assert.equal(left, 0);
});
