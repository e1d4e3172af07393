import { cellToLatLng, getResolution, latLngToCell } from "h3-js";
import { describe, expect, it } from "vitest";
import { crowds, dots, grid, resolutionFor } from "./features";

const MANHATTAN = { west: -74.03, south: 40.7, east: -73.9, north: 40.88 };

describe("the hexagons under a view", () => {
  it.each([0.01, 0.1, 1, 10])("are few at %d degrees", (size) => {
    const cells = grid({ west: -74, south: 40.5, east: -74 + size, north: 40.5 + size }).features;
    expect(cells.length).toBeGreaterThan(0);
    expect(cells.length).toBeLessThan(1_000);
  });

  it("are finer when one looks closer", () => {
    const near = resolutionFor({ west: -74, south: 40.7, east: -73.99, north: 40.71 }) ?? 0;
    expect(near).toBeGreaterThan(resolutionFor(MANHATTAN) ?? 0);
  });

  it("are left out of a view of the whole world, and of one over the antimeridian", () => {
    expect(grid({ west: -180, south: -85, east: 180, north: 85 }).features).toEqual([]);
    expect(grid({ west: 179, south: 0, east: -179, north: 1 }).features).toEqual([]);
  });
});

it("puts a dot where the driver is: longitude first", () => {
  const [dot] = dots([{ id: "dan", kind: "idle", lat: 40.75, lng: -73.99 }]).features;
  expect(dot?.geometry).toEqual({ type: "Point", coordinates: [-73.99, 40.75] });
});

it("shades a crowd's cell by its share of the largest", () => {
  const cell = latLngToCell(40.75, -73.99, 7);
  const other = latLngToCell(40.85, -73.9, 7);
  const shares = crowds([
    { cell, idle: 3, busy: 1 },
    { cell: other, idle: 1, busy: 0 },
  ]).features.map(({ properties }) => properties?.["share"] as number);
  expect(shares).toEqual([1, 0.25]);
  expect(getResolution(cell)).toBe(7);
  expect(cellToLatLng(cell)[0]).toBeCloseTo(40.75, 1);
});
