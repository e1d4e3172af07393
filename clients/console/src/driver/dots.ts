import type { Booking, Point } from "../contract";
import { pointOf } from "../distance";
import type { Dot } from "../map/features";
import type { Worklist } from "./worklist";

/** What the driver's map shows: itself, and the places of what it is on or asked; without that, the feed's pickups. */
export function dotsOf({ bookings, offers, jobs }: Worklist, here: Point | null): Dot[] {
  const mine = [...bookings, ...offers];
  const places = mine.length
    ? mine.flatMap(endsOf)
    : jobs.flatMap((job) => dot(`${job.id}`, "pickup", pointIn(job)));
  return [...places, ...dot("me", bookings.length ? "busy" : "idle", here, true)];
}

function endsOf({ bookingId, pickup, dropoff }: Booking): Dot[] {
  return [
    ...dot(`${bookingId}/pickup`, "pickup", pointOf(pickup)),
    ...dot(`${bookingId}/dropoff`, "dropoff", pointOf(dropoff)),
  ];
}

function pointIn({ lat, lng }: Partial<Point>): Point | null {
  return typeof lat === "number" && typeof lng === "number" ? { lat, lng } : null;
}

function dot(id: string, kind: Dot["kind"], point: Point | null, chosen = false): Dot[] {
  return point ? [{ id, kind, chosen, lat: point.lat, lng: point.lng }] : [];
}
