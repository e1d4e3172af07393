import { askAgain } from "../again";
import { booking as bookingNow } from "../bookings";
import type { Connection } from "../connection.svelte";
import { OVER, type Booking, type Job, type Status } from "../contract";
import { call } from "../http";
import { Refusal } from "../refusal";
import { takesOff, wordsFor } from "./words";
import * as worklist from "./worklist";

/** What a driver has to do: told by events and snapshots, changed by what the server answers, and by nothing else. */
export class Work {
  list = $state.raw<worklist.Worklist>(worklist.empty(""));
  /** Ids of bookings about which the server is being asked. */
  busy = $state.raw<ReadonlySet<string>>(new Set());
  /** Whether the feed is being read. */
  reading = $state(false);
  /** The last "no", in words. */
  said = $state("");
  readonly #connection: Connection;
  /** What was told while the feed was being read. */
  #since: ((list: worklist.Worklist) => worklist.Worklist)[] = [];
  #readAgain = false;

  constructor(connection: Connection, me: string) {
    this.#connection = connection;
    this.list = worklist.empty(me);
    for (const name of Object.keys(worklist.CHANGES) as (keyof typeof worklist.CHANGES)[])
      connection.on<never>(name, (payload) => {
        const change = (list: worklist.Worklist) => worklist.CHANGES[name](list, payload);
        if (this.reading) this.#since.push(change);
        this.#apply(change(this.list));
      });
    connection.on<{ bookingId: string; status: Status }>("booking:status", ({ bookingId, status }) => {
      // Taken on another device of this driver, say.
      if (!OVER.has(status) && !this.#has(bookingId)) void this.#load(bookingId);
    });
  }

  async accept(id: string): Promise<void> {
    await this.#ask(id, "offer:accept", { bookingId: id }, () => worklist.taken(this.list, id));
  }

  async decline(id: string): Promise<void> {
    await this.#ask(id, "offer:decline", { bookingId: id }, () => worklist.without(this.list, id));
  }

  async step(id: string, status: Status): Promise<void> {
    await this.#ask<{ booking: Booking }>(
      id,
      "booking:update_status",
      { bookingId: id, status },
      ({ booking }) => worklist.shown(this.list, booking),
    );
  }

  /** Reads the feed: the open jobs in reach. Asked for while it is under way, it is read once more. */
  async reload(): Promise<void> {
    this.#readAgain = this.reading;
    if (this.reading) return;
    this.reading = true;
    try {
      do await this.#read();
      while (this.#readAgain);
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.reading = false;
    }
  }

  async #read(): Promise<void> {
    this.#readAgain = false;
    this.#since = [];
    const { items } = await call<{ items: Job[] }>("/v1/jobs/available");
    const listed = worklist.listed(this.list, items.map(worklist.placed));
    this.list = this.#since.reduce((list, change) => change(list), listed);
  }

  offDuty(): void {
    this.list = worklist.offDuty(this.list);
  }

  dismiss(id: string): void {
    this.list = worklist.dismissed(this.list, id);
  }

  /** One question at a time about each booking; what it changes is the answer's to say. */
  async #ask<T extends object>(
    id: string,
    name: string,
    payload: object,
    change: (answer: T) => worklist.Worklist,
  ): Promise<void> {
    if (this.busy.has(id)) return;
    this.said = "";
    this.busy = new Set([...this.busy, id]);
    try {
      const answer = await askAgain<T>(this.#connection, name, payload);
      this.#apply(change(answer));
    } catch (error) {
      this.#refuse(error);
      if (error instanceof Refusal) await this.#settle(id, error);
    } finally {
      this.busy = new Set([...this.busy].filter((one) => one !== id));
    }
  }

  /** After a "no": takes off what is over, and shows a job of ours as it is. */
  async #settle(id: string, refusal: Refusal): Promise<void> {
    if (this.#has(id)) await this.#load(id);
    else if (takesOff(refusal)) this.list = worklist.without(this.list, id);
  }

  #has(id: string): boolean {
    return this.list.bookings.some(({ bookingId }) => bookingId === id);
  }

  /** What a snapshot left out is over; how, must be asked. */
  #apply(next: worklist.Worklist): void {
    const before = this.list.ended;
    this.list = next;
    for (const one of next.ended)
      if (one.how === "gone" && !before.includes(one)) void this.#load(one.bookingId);
  }

  /** A booking that is not ours any more cannot be read. */
  async #load(id: string): Promise<void> {
    try {
      const now = await bookingNow(id);
      this.list = worklist.shown(this.list, now);
    } catch (error) {
      if (error instanceof Refusal && error.code === "not_found")
        this.list = worklist.ended(this.list, id, "gone");
    }
  }

  #refuse(error: unknown): void {
    this.said = error instanceof Refusal ? wordsFor(error) : "Something went wrong. Please try again.";
  }
}
