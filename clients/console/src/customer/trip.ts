import { OVER, type Booking, type Pilot, type Point, type Status } from "../contract";

/** How the search for a driver stands: what was said last, and how many drivers were tried. */
export interface Search {
  message: string;
  tried: number;
  canRetry: boolean;
  canCancel: boolean;
}

/** Where the driver was, and when: milliseconds since 1970 by the server's clock. */
export interface Seen extends Point {
  at: number;
}

/** A booking with what is told of it besides. Changes make a new one. */
export interface Trip {
  booking: Booking;
  search: Search | null;
  seen: Seen | null;
}

/** What the events about a search may carry. */
export interface Said {
  message?: string;
  pilotNumber?: number;
  canRetry?: boolean;
  canCancel?: boolean;
}

const WITH_DRIVER: ReadonlySet<Status> = new Set(["accepted", "en_route", "arrived", "in_progress"]);

/** Whether its driver is at work on it. */
export function hasDriver(status: Status): boolean {
  return WITH_DRIVER.has(status);
}

/** What somebody says the booking is. What we heard later stays: answers and events come in no order. */
export function merged(old: Trip | undefined, told: Booking): Trip {
  const booking = { ...told, pickup: told.pickup ?? { address: null } };
  if (!old) return { booking, search: null, seen: null };
  const [before, after] = [Date.parse(old.booking.updatedAt), Date.parse(booking.updatedAt)];
  const knowsLess = old.booking.pilot !== null && booking.pilot === null && !OVER.has(booking.status);
  if (after < before || (after === before && knowsLess)) return old;
  return changed(old, { ...booking, pilot: booking.pilot ?? old.booking.pilot });
}

/** `booking:status` */
export function stepped(trip: Trip, event: { status: Status; timestamp: string }): Trip {
  if (Date.parse(event.timestamp) < Date.parse(trip.booking.updatedAt)) return trip;
  return changed(trip, { ...trip.booking, status: event.status, updatedAt: event.timestamp });
}

/** `booking:driver_assigned`: it may come before the booking's own change, and after a cancel. */
export function assigned(trip: Trip, event: { pilot: Pilot }): Trip {
  const { status } = trip.booking;
  if (OVER.has(status)) return trip;
  const waiting = status === "pending" || status === "unfulfilled";
  return changed(trip, {
    ...trip.booking,
    pilot: event.pilot,
    status: waiting ? "accepted" : status,
  });
}

/** An event about the search; `afresh` when it has begun anew. */
export function searched(trip: Trip, said: Said, afresh = false): Trip {
  const before = afresh ? 0 : (trip.search?.tried ?? 0);
  return {
    ...trip,
    search: {
      message: said.message ?? trip.search?.message ?? "",
      tried: said.pilotNumber ?? before,
      canRetry: said.canRetry ?? true,
      canCancel: said.canCancel ?? true,
    },
  };
}

/** `location:update`, or the track's last; what is older than what we have is not taken. */
export function moved(trip: Trip, { lat, lng }: Point, timestamp: string): Trip {
  const at = Date.parse(timestamp);
  if (!hasDriver(trip.booking.status) || at < (trip.seen?.at ?? 0)) return trip;
  return { ...trip, seen: { lat, lng, at } };
}

/** With another state a search that is over says nothing any more, nor does a position. */
function changed(trip: Trip, booking: Booking): Trip {
  const again = booking.status === "pending" && trip.booking.status !== "pending";
  return {
    booking,
    search: again ? null : trip.search,
    seen: hasDriver(booking.status) ? trip.seen : null,
  };
}

/** Those under way first, each part newest first. */
export function sorted(trips: Iterable<Trip>): { open: Trip[]; past: Trip[] } {
  const all = [...trips].sort((a, b) => Date.parse(b.booking.createdAt) - Date.parse(a.booking.createdAt));
  return {
    open: all.filter(({ booking }) => !OVER.has(booking.status)),
    past: all.filter(({ booking }) => OVER.has(booking.status)),
  };
}
