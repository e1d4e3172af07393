import type { Point } from "../contract";
import { metres } from "../distance";

/** A position of the driver. Degrees; `heading` in degrees from north, `speed` in metres a second. */
export interface Fix extends Point {
  heading?: number;
  speed?: number;
}

/** A position that was told, and when: milliseconds since 1970. */
export type Told = Point & { at: number };

/** Whether the position is to be told: docs/client-guide.md, "Positions". Asked once a second, so never more often. */
export function isDue(last: Told | null, here: Point, now: number, onJob: boolean): boolean {
  if (!last) return true;
  const seconds = (now - last.at) / 1_000;
  return onJob ? seconds >= 10 || metres(last, here) >= 50 : seconds >= 30;
}

/** What the browser found out, without what it does not know. */
export function fixOf({ latitude, longitude, heading, speed }: GeolocationCoordinates): Fix {
  const fix: Fix = { lat: latitude, lng: longitude };
  if (heading !== null && heading >= 0) fix.heading = heading; // NaN while it stands still
  if (speed !== null && speed >= 0) fix.speed = speed;
  return fix;
}

/** `places` from the nearest to the farthest; those without a position come last, all of them if we have none. */
export function nearestFirst<P extends Partial<Point>>(places: readonly P[], here: Point | null): P[] {
  const far = ({ lat, lng }: P) =>
    here && typeof lat === "number" && typeof lng === "number" ? metres(here, { lat, lng }) : Infinity;
  return places
    .map((place) => ({ place, distance: far(place) }))
    .sort((a, b) => (a.distance === b.distance ? 0 : a.distance - b.distance))
    .map(({ place }) => place);
}
