import type { Point } from "../contract";

const KEPT = "waggle.start";

/** Where the map of the next order begins: at the last pickup on this device. */
export const start = {
  place(): Point {
    const [lat, lng] = (localStorage.getItem(KEPT) ?? "").split(",").map(parseFloat);
    return lat !== undefined && lng !== undefined && isFinite(lat + lng)
      ? { lat, lng }
      : { lat: 40.75, lng: -73.97 };
  },

  keep({ lat, lng }: Point): void {
    localStorage.setItem(KEPT, `${lat.toFixed(2)},${lng.toFixed(2)}`);
  },
};
