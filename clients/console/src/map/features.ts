import type { Feature, FeatureCollection } from "geojson";
import { cellToBoundary, getHexagonAreaAvg, polygonToCells } from "h3-js";
import type { Point } from "../contract";

/** A dot on the map. `id` is what `onpick` gives. */
export interface Dot extends Point {
  id: string;
  kind: "idle" | "busy" | "search" | "pickup" | "dropoff";
  /** One that is looked at: larger. */
  chosen?: boolean;
}

/** Drivers of an H3 cell, where there are too many for a dot each. */
export interface Crowd {
  cell: string;
  idle: number;
  busy: number;
}

/** Degrees. `west` may be greater than `east`: then the box goes over the antimeridian. */
export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

const MOST_CELLS = 700;
const FINEST = 9; // what matching keeps its drivers in

export function dots(points: readonly Dot[]): FeatureCollection {
  return collection(
    points.map(({ id, kind, chosen = false, lat, lng }) => ({
      type: "Feature",
      properties: { id, kind, chosen },
      geometry: { type: "Point", coordinates: [lng, lat] },
    })),
  );
}

export function crowds(cells: readonly Crowd[]): FeatureCollection {
  const most = Math.max(1, ...cells.map(({ idle, busy }) => idle + busy));
  return collection(
    cells.map(({ cell, idle, busy }) => hexagon(cell, { idle, busy, share: (idle + busy) / most })),
  );
}

/** A way through these points, in their order. */
export function path(points: readonly Point[]): FeatureCollection {
  if (points.length < 2) return collection([]);
  const coordinates = points.map(({ lat, lng }) => [lng, lat]);
  return collection([{ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } }]);
}

/** The hexagons under a view, as fine as leaves them few. */
export function grid(box: Box): FeatureCollection {
  if (box.west >= box.east) return collection([]);
  const { west, south, east, north } = box;
  const ring = [
    [south, west],
    [south, east],
    [north, east],
    [north, west],
  ];
  const resolution = resolutionFor(box);
  if (resolution === null) return collection([]);
  return collection(polygonToCells(ring, resolution).map((cell) => hexagon(cell, {})));
}

/** The finest resolution of H3 at which a box has at most `MOST_CELLS` cells; null where even the coarse ones are too many. */
export function resolutionFor(box: Box): number | null {
  const kilometresADegree = 111.32;
  const middle = ((box.north + box.south) / 2) * (Math.PI / 180);
  const area =
    (box.north - box.south) *
    kilometresADegree *
    ((box.east - box.west) * kilometresADegree * Math.cos(middle));
  for (let resolution = FINEST; resolution >= 2; resolution--)
    if (area / getHexagonAreaAvg(resolution, "km2") <= MOST_CELLS) return resolution;
  return null;
}

function hexagon(cell: string, properties: Record<string, number>): Feature {
  return {
    type: "Feature",
    properties,
    geometry: { type: "Polygon", coordinates: [cellToBoundary(cell, true)] },
  };
}

function collection(features: Feature[]): FeatureCollection {
  return { type: "FeatureCollection", features };
}
