import { bookingOf, type Page, type Recorded, type Row } from "../bookings";
import { serverNow } from "../clock";
import type { Booking } from "../contract";
import { call } from "../http";
import type { Order } from "./order";

/** How the newest search stands. `status`: searching, assigned, failed, timed_out or cancelled. */
export interface SearchStatus {
  isSearching: boolean;
  triedPilots: number;
  status: string;
  elapsedMs: number;
}

const RECENT_MS = 600_000; // at a position a second that is less than a page
const ANSWER_MS = 15_000;

/** With the same key, the same order is the same booking, however often it is asked for. */
export async function place(order: Order, key: string): Promise<Booking> {
  const headers = { "Idempotency-Key": key };
  const signal = AbortSignal.timeout(ANSWER_MS);
  return bookingOf(await call<Row>("/v1/bookings", { body: order, headers, signal }));
}

export async function bookings(before: string | null): Promise<Page<Booking>> {
  const page = await call<Page<Row>>(`/v1/bookings${before ? `?before=${before}` : ""}`);
  return { items: page.items.map(bookingOf), next: page.next };
}

export function search(id: string): Promise<SearchStatus> {
  return call(`/v1/bookings/${encodeURIComponent(id)}/search`);
}

/** Where the driver was last, in the last ten minutes. */
export async function whereabouts(id: string): Promise<Recorded | undefined> {
  const after = new Date(serverNow() - RECENT_MS).toISOString();
  const { items } = await call<{ items: Recorded[] }>(
    `/v1/bookings/${encodeURIComponent(id)}/track?limit=1000&after=${after}`,
  );
  return items.at(-1);
}

/** The names of what can be ordered. */
export async function serviceTypes(): Promise<string[]> {
  const { items } = await call<{ items: { name: string }[] }>("/v1/service-types");
  return items.map(({ name }) => name);
}
