import type { Booking, Point } from "../contract";
import { bookingOf, type Page, type Recorded, type Row } from "../bookings";
import { call } from "../http";
import type { Box, Crowd } from "../map/features";
import type { Explained } from "./whynot";

/** A driver on the map. `offered`: a job is before this one alone. */
export interface Mapped extends Point {
  id: string;
  state: "idle" | "offered" | "busy";
  vehicle_type: string | null;
  at: string;
}

/** The drivers of a box; `cells`, each with its centre, where they are more than `LIMIT`. */
export interface DriverMap {
  drivers: Mapped[];
  cells: (Crowd & Point)[];
  total: number;
  complete: boolean;
}

/** A driver as admins see it. */
export interface Driver {
  id: string;
  name: string;
  phone: string | null;
  vehicle_type: string | null;
  truck_type: string | null;
  is_operator: boolean;
  approved: boolean;
  state: string;
  active_job_id: string | null;
  rating: number | null;
  completed_jobs: number;
  acceptance_rate: number | null;
}

export type NewDriver = Pick<Driver, "id" | "name" | "approved"> & { vehicle_type?: string };

/** How a service type is dispatched; docs/dispatch.md has its keys. */
export type ServiceType = { name: string } & Record<string, unknown>;

const LIMIT = 500;
const PAGE = 50;
const LONGEST_WAY = 10_000;

export function driversIn({ west, south, east, north }: Box, signal: AbortSignal): Promise<DriverMap> {
  const box = Object.entries({ west, south, east, north, limit: LIMIT });
  return call(`/v1/drivers?${new URLSearchParams(box.map(([key, value]) => [key, String(value)]))}`, {
    signal,
  });
}

/** Newest first. `filter`: `open`, a status, or nothing. */
export async function bookings(filter: string, before: string | null, limit = PAGE): Promise<Page<Booking>> {
  const asked = new URLSearchParams({ limit: String(limit) });
  if (filter === "open") asked.set("open", "true");
  else if (filter) asked.set("status", filter);
  if (before) asked.set("before", before);
  const page = await call<Page<Row>>(`/v1/bookings?${asked}`);
  return { items: page.items.map(bookingOf), next: page.next };
}

export function explained(id: string, driver = ""): Promise<Explained> {
  const one = driver && `?driver_id=${encodeURIComponent(driver)}`;
  return call(`/v1/bookings/${encodeURIComponent(id)}/dispatch${one}`);
}

/** Where the job's driver has been, oldest first; at a position a second, some three hours of it. */
export async function track(id: string): Promise<Recorded[]> {
  const way: Recorded[] = [];
  let after: string | null = null;
  do {
    const asked = new URLSearchParams({ limit: "1000", ...(after && { after }) });
    const page: Page<Recorded> = await call(`/v1/bookings/${encodeURIComponent(id)}/track?${asked}`);
    way.push(...page.items);
    after = page.next;
  } while (after && way.length < LONGEST_WAY);
  return way;
}

export function driver(id: string): Promise<Driver> {
  return call(`/v1/drivers/${encodeURIComponent(id)}`);
}

export function register(wanted: NewDriver): Promise<Driver> {
  return call("/v1/drivers", { body: wanted });
}

/** A suspended driver keeps its job under way and gets no other. */
export function setApproved(id: string, approved: boolean): Promise<Driver> {
  return call(`/v1/drivers/${encodeURIComponent(id)}/${approved ? "approve" : "suspend"}`, {
    method: "POST",
  });
}

/** Voids this person's tokens, everywhere and at once. */
export function revoke(sub: string): Promise<unknown> {
  return call(`/v1/identities/${encodeURIComponent(sub)}/revoke`, { method: "POST" });
}

export async function serviceTypes(): Promise<ServiceType[]> {
  return (await call<{ items: ServiceType[] }>("/v1/service-types")).items;
}

export function setServiceType(name: string, rules: unknown): Promise<unknown> {
  return call(`/v1/service-types/${encodeURIComponent(name)}`, { method: "PUT", body: rules });
}
