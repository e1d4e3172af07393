import type { Connection } from "../connection.svelte";
import type { Booking, Point, Position } from "../contract";
import { booking } from "../bookings";
import { explained, track } from "./api";
import { paced } from "./paced";
import type { Explained } from "./whynot";

const REST_MS = 500;
const CHANGES = [
  "booking:status",
  "admin:job-status",
  "booking:assigned",
  "booking:no_pilots",
  "booking:search_timeout",
];

/** A booking that an admin looks at. Events say that it has changed, and where its driver is; the rest is asked for. */
export class Looked {
  booking = $state.raw<Booking | null>(null);
  why = $state.raw<Explained | null>(null);
  /** Where its driver was, oldest first. */
  line = $state.raw<readonly Point[]>([]);
  trouble = $state("");
  readonly #id: string;
  readonly #connection: Connection;
  readonly #looks = paced(() => this.#look(), REST_MS);

  constructor(id: string, connection: Connection) {
    this.#id = id;
    this.#connection = connection;
  }

  /** Returns what ends it. */
  start(): () => void {
    const changed = (told: { bookingId?: string; job_id?: string }) => {
      if ((told.bookingId ?? told.job_id) === this.#id) this.look();
    };
    const moved = (told: Position) => {
      if (told.bookingId === this.#id) this.line = [...this.line, { lat: told.lat, lng: told.lng }];
    };
    const connected = () => void this.#follow();
    const ends = [
      this.#connection.hear(CHANGES, changed),
      this.#connection.hear(["location:update"], moved),
      this.#connection.hear(["connect"], connected),
    ];
    if (this.#connection.connected) connected();
    this.look();
    return () => {
      ends.forEach((end) => end());
      this.#looks.end();
      if (this.#connection.connected)
        this.#connection.ask("booking:unsubscribe", { bookingId: this.#id }).catch(() => undefined);
    };
  }

  look(): void {
    this.#looks.ask();
  }

  /** Throws a `Refusal`. */
  async cancel(): Promise<void> {
    const reason = "Cancelled by the dispatcher";
    try {
      await this.#connection.ask("booking:cancel", { bookingId: this.#id, reason });
    } finally {
      this.look();
    }
  }

  async #follow(): Promise<void> {
    try {
      await this.#connection.ask("booking:subscribe", { bookingId: this.#id });
      this.look(); // for what happened while nobody listened
    } catch (error) {
      this.trouble = (error as Error).message;
    }
  }

  /** What does not come just now does not keep the rest from being shown. */
  async #look(): Promise<void> {
    const troubles = await Promise.all([
      trouble(booking(this.#id).then((seen) => (this.booking = seen))),
      trouble(explained(this.#id).then((why) => (this.why = why))),
      trouble(track(this.#id).then((line) => (this.line = line))),
    ]);
    this.trouble = troubles.find(Boolean) ?? "";
  }
}

function trouble(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => "",
    (error: Error) => error.message,
  );
}
