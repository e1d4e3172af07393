// Only for clients that begin with polling and go on with a WebSocket.
import assert from "node:assert/strict";
import { ask, check, heardMany, numbers, upgraded } from "../checking.mjs";

check("nothing is lost, doubled or reordered while a busy connection is upgraded", async ({ dial }) => {
  await Promise.all(
    numbers(10).map(async () => {
      const socket = dial();
      const transports = new Set();
      const counted = heardMany(socket, "counted", 400);
      const backs = heardMany(socket, "back", 200);
      socket.emit("count", 200, true);
      socket.on("back", () => transports.add(socket.io.engine.transport.name));
      const ready = new Promise((resolve) => socket.once("connect", resolve));
      await ready;
      const sums = [];
      for (const number of numbers(200)) {
        socket.emit("back", number);
        sums.push(ask(socket, "add", number, 1));
        if (number % 20 === 0) await sums.at(-1);
      }
      socket.emit("count", 200, true);
      await upgraded(socket);
      assert.deepEqual(await backs, numbers(200));
      assert.deepEqual(await Promise.all(sums), numbers(200).map((number) => ({ sum: number + 1 })));
      const order = (await counted).map(({ number }) => number);
      assert.deepEqual(order, [...numbers(200), ...numbers(200)]);
      assert.equal(socket.io.engine.transport.name, "websocket");
    }),
  );
});

check("a client that leaves in the midst of an upgrade may come again", async ({ dial }) => {
  for (const _ of numbers(10)) {
    const socket = dial();
    await new Promise((resolve) => socket.io.engine.once("upgrading", resolve));
    socket.disconnect();
    socket.connect();
    assert.deepEqual(await ask(socket, "add", 1, 1), { sum: 2 });
    socket.disconnect();
  }
});
