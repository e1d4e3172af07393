import { SvelteMap } from "svelte/reactivity";
import { askAgain } from "../again";
import { booking as bookingNow } from "../bookings";
import type { Connection } from "../connection.svelte";
import { OVER, type Booking, type Pilot, type Position, type Status } from "../contract";
import type { Refusal } from "../refusal";
import * as api from "./api";
import { assigned, hasDriver, merged, moved, searched, sorted, stepped, type Said, type Trip } from "./trip";

type Change = (trip: Trip) => Trip;
type Of<T = object> = T & { bookingId: string };

const SEARCHES = ["offer_sent", "offer_expired", "offer_declined", "no_pilots", "search_timeout"];

const after = (trip: Trip, changes: Change[]) => changes.reduce((now, change) => change(now), trip);

/** The customer's bookings, as the services tell them: by events, by snapshots, and when asked. */
export class Trips {
  readonly all = new SvelteMap<string, Trip>();
  readonly listed = $derived(sorted(this.all.values()));
  /** Where the page after those we have begins; null at the end. */
  next = $state<string | null>(null);
  /** Whether the first page has come. */
  known = $state(false);
  readonly #connection: Connection;
  /** For each booking that is being asked for: what was told since, once for every question under way. */
  readonly #since = new Map<string, Set<Change[]>>();
  #watched: string | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onConnect(() => void this.#refresh());
    connection.on<{ bookings: Booking[] }>("booking:snapshot", ({ bookings }) => this.#replace(bookings));
    const listen = <T>(name: string, change: (trip: Trip, event: Of<T>) => Trip) =>
      connection.on<Of<T>>(name, (event) => this.#change(event.bookingId, (trip) => change(trip, event)));
    for (const name of ["created", "search_started"])
      listen<Said>(`booking:${name}`, (trip, said) => searched(trip, said, true));
    for (const name of SEARCHES) listen<Said>(`booking:${name}`, searched);
    listen<{ pilot: Pilot }>("booking:driver_assigned", assigned);
    listen<{ status: Status; timestamp: string }>("booking:status", stepped);
    listen<Position>("location:update", (trip, position) => moved(trip, position, position.timestamp));
  }

  /** Asks how a booking stands, and keeps it so over reconnects. Throws a `Refusal`. */
  async watch(id: string): Promise<void> {
    this.#watched = id;
    await this.#load(id);
  }

  unwatch(id: string): void {
    if (this.#watched === id) this.#watched = null;
  }

  /** Throws a `Refusal`. */
  async more(): Promise<void> {
    const page = await api.bookings(this.next);
    page.items.forEach((booking) => this.take(booking));
    this.next = page.next;
  }

  /** A booking that is new to us has been told of before, perhaps, and what was told waits. */
  take(booking: Booking): void {
    const id = booking.bookingId;
    const known = this.all.get(id);
    const [told = []] = known ? [] : (this.#since.get(id) ?? []);
    this.all.set(id, after(merged(known, booking), told));
  }

  /** Throws a `Refusal`, after it has asked how the booking stands instead. */
  async ask(name: "booking:retry" | "booking:cancel", bookingId: string, more: object = {}): Promise<void> {
    try {
      const payload = { bookingId, ...more };
      const { booking } = await askAgain<{ booking: Booking }>(this.#connection, name, payload);
      this.take(booking);
    } catch (refusal) {
      if ((refusal as Refusal).code === "not_found") this.all.delete(bookingId);
      else await this.#load(bookingId).catch(() => undefined);
      throw refusal;
    }
  }

  /** After a time without events: what was said of searches and positions is old. */
  async #refresh(): Promise<void> {
    for (const [id, trip] of this.all) this.all.set(id, { ...trip, search: null, seen: null });
    try {
      const page = await api.bookings(null);
      page.items.forEach((booking) => this.take(booking));
      if (!this.known) this.next = page.next;
      this.known = true;
      if (this.#watched) await this.#load(this.#watched);
    } catch {
      // The screens say what they lack; the next connect asks again.
    }
  }

  /** What a snapshot leaves out is over, or among too many: how, must be asked. */
  #replace(bookings: Booking[]): void {
    const told = new Set(bookings.map(({ bookingId }) => bookingId));
    bookings.forEach((booking) => this.take(booking));
    for (const [id, { booking }] of this.all)
      if (!told.has(id) && !OVER.has(booking.status)) void this.#load(id).catch(() => undefined);
  }

  #change(id: string, change: Change): void {
    const trip = this.all.get(id);
    if (trip) this.all.set(id, change(trip));
    const asked = this.#since.get(id);
    if (asked) for (const since of asked) since.push(change);
    else if (!trip) void this.#load(id, [change]).catch(() => undefined);
  }

  /** Asks; what is told meanwhile, `since`, comes after. Throws a `Refusal`. */
  async #load(id: string, since: Change[] = []): Promise<void> {
    const asked = this.#since.get(id) ?? new Set();
    this.#since.set(id, asked.add(since));
    try {
      this.take(await bookingNow(id));
      await Promise.all([this.#askSearch(id), this.#askDriver(id)]);
    } finally {
      asked.delete(since);
      if (asked.size === 0) this.#since.delete(id);
      const trip = this.all.get(id);
      if (trip) this.all.set(id, after(trip, since));
    }
  }

  async #askSearch(id: string): Promise<void> {
    const status = this.all.get(id)?.booking.status;
    if (status !== "pending" && status !== "unfulfilled") return;
    const search = await api.search(id).catch(() => null);
    const trip = this.all.get(id);
    if (search && trip && !trip.search) this.all.set(id, searched(trip, { pilotNumber: search.triedPilots }));
  }

  async #askDriver(id: string): Promise<void> {
    if (!hasDriver(this.all.get(id)?.booking.status ?? "pending")) return;
    const position = await api.whereabouts(id).catch(() => undefined);
    const trip = this.all.get(id);
    if (position && trip) this.all.set(id, moved(trip, position, position.recorded_at));
  }
}
