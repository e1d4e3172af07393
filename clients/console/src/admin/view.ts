import type { Booking } from "../contract";
import type { Box, Dot } from "../map/features";
import type { DriverMap } from "./api";

export const WORLD: Box = { west: -180, south: -90, east: 180, north: 90 };

/** A view may show more than the world, or the world twice; the services know only one. */
export function inWorld({ west, south, east, north }: Box): Box {
  const wide = east - west >= 360;
  return {
    west: wide ? WORLD.west : turned(west),
    east: wide ? WORLD.east : turned(east),
    south: Math.max(WORLD.south, south),
    north: Math.min(WORLD.north, north),
  };
}

function turned(lng: number): number {
  return lng >= -180 && lng <= 180 ? lng : ((((lng + 180) % 360) + 360) % 360) - 180;
}

/** A dot for each driver, and one for each open job that says where it is. Their ids begin with `driver:`, `booking:`. */
export function dotsOf(map: DriverMap, jobs: readonly Booking[]): Dot[] {
  const drivers = map.drivers.map(({ id, state, lat, lng }): Dot => ({
    id: `driver:${id}`,
    kind: state === "busy" ? "busy" : "idle",
    lat,
    lng,
  }));
  return [...jobs.flatMap(jobDot), ...drivers];
}

/** Where a job is to be looked for: its pickup, and its drop-off once it is on board. */
export function kindOf({ status }: Booking): "search" | "pickup" | "dropoff" {
  if (status === "pending") return "search";
  return status === "in_progress" ? "dropoff" : "pickup";
}

function jobDot(job: Booking): Dot[] {
  const kind = kindOf(job);
  const { lat, lng } = (kind === "dropoff" ? job.dropoff : null) ?? job.pickup;
  return lat == null || lng == null ? [] : [{ id: `booking:${job.bookingId}`, kind, lat, lng }];
}
