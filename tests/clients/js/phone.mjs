// Apps by the official client, driven over JSON lines: commands on stdin, what happens on stdout.
// {phone, do, id?, …} → {id, answer} to those with an id; {phone, heard: [name, …]} and so on as it comes.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const PATIENCE = 30_000; // ms
const phones = new Map();

const tell = (said) => process.stdout.write(JSON.stringify(said) + "\n");

class Phone {
  constructor(number, { url, auth, transports, reconnection }) {
    this.auth = auth;
    this.socket = io(url, {
      auth: (give) => give(this.auth), // asked again at each connect
      autoConnect: false,
      forceNew: true,
      reconnection,
      reconnectionDelay: 20,
      reconnectionDelayMax: 200,
      timeout: PATIENCE,
      ...(transports.length ? { transports } : {}),
    });
    const { socket } = this;
    socket.on("connect", () => tell({ phone: number, connected: { recovered: Boolean(socket.recovered), pid: socket._pid } }));
    socket.on("connect_error", ({ message, data }) => tell({ phone: number, refused: { message, data, final: !socket.active } }));
    socket.on("disconnect", (reason) => tell({ phone: number, gone: reason }));
    socket.onAny((...heard) => tell({ phone: number, heard }));
  }

  dial() {
    this.socket.connect();
  }

  say({ event }) {
    this.socket.emit(...event);
  }

  async ask({ event }) {
    return this.socket.timeout(PATIENCE).emitWithAck(...event);
  }

  /** What it shows from its next connect on. */
  show({ auth }) {
    this.auth = auth;
  }

  /** The end of a line in a tunnel: no word to the server, and the client may come back. */
  cut() {
    this.socket.io.engine.close();
  }

  hangUp() {
    this.socket.disconnect();
  }
}

async function obey(command) {
  if (command.do === "make") phones.set(command.phone, new Phone(command.phone, command));
  else return phones.get(command.phone)[command.do](command);
}

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  const command = JSON.parse(line);
  try {
    tell({ id: command.id, answer: (await obey(command)) ?? null });
  } catch (error) {
    tell({ id: command.id, error: String(error) });
  }
});
lines.on("close", () => process.exit(0));
