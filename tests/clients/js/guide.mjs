// The functions of the client guide, called as a test says: node guide.mjs MODULE. Commands come as JSON lines,
// {id, do, …} → {id, answer} or {id, error}; what the app sees is told as {told: [what, …]}.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const guide = await import(pathToFileURL(process.argv[2]));
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const tell = (...told) => say({ told });

let socket, stopSharing, tokens;
let here = null;

/** The next of the tokens; the last one for ever. */
async function fetchToken() {
  tell("fetched");
  const token = tokens.length > 1 ? tokens.shift() : tokens[0];
  if (token === null) throw new Error("no network");
  return token;
}

const screen = {
  replace: (bookings) => tell("replace", bookings),
  change: (bookingId, changed) => tell("change", bookingId, changed),
  move: (position) => tell("move", position),
};

const commands = {
  connect({ url, tokens: given, afterSignIn }) {
    tokens = given;
    socket = guide.connect(url, fetchToken);
    socket.on("connect", () => tell("connected", Boolean(socket.recovered)));
    socket.on("disconnect", () => tell("gone"));
    guide.keepSession(socket, fetchToken, async (code) => {
      tell("signIn", code);
      tokens = [afterSignIn];
    });
    guide.followBookings(socket, screen);
  },
  followOffers() {
    guide.followOffers(socket, (offers, jobs) => tell("offers", [...offers.keys()], [...jobs.keys()]));
  },
  ask: ({ name, payload }) => guide.ask(socket, name, payload),
  askAgain: ({ name, payload }) => guide.askAgain(socket, name, payload, 8), // a slow machine has hope for longer
  isDue: ({ last, here, now, onJob }) => guide.isDue(last, here, now, onJob),
  share() {
    stopSharing = guide.sharePosition(socket, () => here, () => true);
  },
  stopSharing: () => stopSharing(),
  be({ at }) {
    here = at;
  },
  cut() {
    socket.io.engine.close(); // the end of a line in a tunnel
  },
  toBackground: () => guide.toBackground(socket),
  toForeground: () => guide.toForeground(socket),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, do: what, ...said } = JSON.parse(line);
  try {
    const answer = await commands[what](said);
    say({ id, answer: answer ?? null });
  } catch (error) {
    say({ id, error: { code: error.code ?? null, message: String(error) } });
  }
});
