import type { Place, Point } from "./contract";

const METRES_A_DEGREE = 111_320;

/** As the crow flies; good for the size of a city. */
export function metres(a: Point, b: Point): number {
  const north = b.lat - a.lat;
  const east = (b.lng - a.lng) * Math.cos((a.lat * Math.PI) / 180);
  return METRES_A_DEGREE * Math.hypot(north, east);
}

export function lengthOf(metres: number): string {
  if (metres < 995) return `${Math.round(metres / 10) * 10} m`;
  return `${(metres / 1000).toFixed(metres < 9_950 ? 1 : 0)} km`;
}

export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  return "more than an hour ago";
}

/** Where a place is, if it says so. */
export function pointOf(place: Place | null): Point | null {
  return place?.lat === undefined || place.lng === undefined ? null : { lat: place.lat, lng: place.lng };
}
