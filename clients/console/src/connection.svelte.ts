import { io, type Socket } from "socket.io-client";
import { Refusal } from "./refusal";
import { session, type Person } from "./session.svelte";

const ANSWER_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;

type Ack = { ok: boolean; error?: { code: string; message: string } };

/** One person's socket: comes back by itself, and says so. See docs/client-guide.md, "Staying connected". */
export class Connection {
  connected = $state(false);
  readonly #socket: Socket;
  #ended: string | undefined;
  #failures = 0;
  #back: ReturnType<typeof setTimeout> | undefined;

  constructor(person: Person) {
    this.#socket = io({ transports: ["websocket"], auth: { token: person.token, recover: true } });
    this.#socket.on("connect", () => {
      this.connected = true;
      this.#failures = 0;
    });
    this.#socket.on("auth:ended", ({ code }: { code: string }) => (this.#ended = code));
    this.#socket.on("disconnect", (reason) => {
      this.connected = false;
      if (reason === "io server disconnect") this.#comeBack(this.#ended);
    });
    this.#socket.on("connect_error", (error: Error & { data?: { code?: string } }) => {
      if (!this.#socket.active) this.#comeBack(error.data?.code);
    });
  }

  /** Calls `take` with each event of that name. */
  on<T>(name: string, take: (payload: T) => void): void {
    this.#socket.on(name, take as (payload: unknown) => void);
  }

  /** The same for several names, until what it returns is called: for what comes and goes with a page. */
  hear<T>(names: readonly string[], take: (payload: T) => void): () => void {
    const listener = take as (payload: unknown) => void;
    for (const name of names) this.#socket.on(name, listener);
    return () => names.forEach((name) => this.#socket.off(name, listener));
  }

  /** Called at each connect, the first one too; not when what was missed has been told. */
  onConnect(take: () => void): void {
    this.#socket.on("connect", () => {
      if (!this.#socket.recovered) take();
    });
  }

  /** The ack. Throws a `Refusal`. */
  async ask<T extends object = object>(name: string, payload: object = {}): Promise<T> {
    const answer = (await this.#socket
      .timeout(ANSWER_MS)
      .emitWithAck(name, payload)
      .catch(() => ({
        ok: false,
        error: { code: "no_answer", message: "No answer. Please try again." },
      }))) as Ack;
    if (answer.ok) return answer as unknown as T;
    throw new Refusal(answer.error?.code ?? "bad_reply", answer.error?.message ?? "Something went wrong.");
  }

  /** Says it if there is a connection just now, and never later: for positions. */
  mention(name: string, payload: object): void {
    if (this.connected) this.#socket.volatile.emit(name, payload);
  }

  close(): void {
    clearTimeout(this.#back);
    this.#socket.disconnect();
  }

  /** There are two ends that the client does not come back from by itself: a refusal, and the server's wish. */
  #comeBack(code: string | undefined): void {
    if (code?.startsWith("token_")) {
      session.signOut(code === "token_expired" ? "Your session has ended." : "Please sign in again.");
      return;
    }
    const pause = Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** this.#failures++);
    this.#back = setTimeout(() => this.#socket.connect(), pause);
  }
}
