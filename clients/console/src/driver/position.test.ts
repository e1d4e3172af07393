import { describe, expect, it } from "vitest";
import type { Point } from "../contract";
import { fixOf, isDue, nearestFirst } from "./position";

const HERE = { lat: 40.75, lng: -73.99 };
const NEAR = { lat: 40.7503, lng: -73.99 }; // 33 m
const FARTHER = { lat: 40.7506, lng: -73.99 }; // 67 m
const TOLD = { ...HERE, at: 0 };

describe("a position is told", () => {
  it("at once when none was told before", () => expect(isDue(null, HERE, 0, false)).toBe(true));

  it.each([
    ["moved far", FARTHER, 1_000, true, true],
    ["moved little", NEAR, 9_999, true, false],
    ["stood still for ten seconds", HERE, 10_000, true, true],
    ["moved far while idle", FARTHER, 29_999, false, false],
    ["was idle for thirty seconds", HERE, 30_000, false, true],
  ])("%s", (_, here, now, onJob, due) => expect(isDue(TOLD, here, now, onJob)).toBe(due));
});

it("leaves out what the device does not know", () => {
  const seen = { latitude: 1, longitude: 2, heading: NaN, speed: null } as GeolocationCoordinates;
  expect(fixOf(seen)).toEqual({ lat: 1, lng: 2 });
  expect(fixOf({ ...seen, heading: 90, speed: 0 })).toEqual({ lat: 1, lng: 2, heading: 90, speed: 0 });
});

it("puts the nearest first, and what has no place last", () => {
  const jobs: ({ id: string } & Partial<Point>)[] = [
    { id: "nowhere" },
    { id: "far", ...FARTHER },
    { id: "near", ...NEAR },
  ];
  expect(nearestFirst(jobs, HERE).map(({ id }) => id)).toEqual(["near", "far", "nowhere"]);
  expect(nearestFirst(jobs, null).map(({ id }) => id)).toEqual(["nowhere", "far", "near"]);
});
