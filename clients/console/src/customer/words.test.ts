import { describe, expect, it } from "vitest";
import type { Status } from "../contract";
import { Refusal } from "../refusal";
import { ageOf, lengthOf, metres, pointOf } from "../distance";
import { stepsOf } from "./steps";
import { cargoOf, money } from "../words";
import { triedWords, wordsFor } from "./words";

it("says a refusal in our words, or in the service's", () => {
  expect(wordsFor(new Refusal("already_completed", "x"))).toContain("completed already");
  expect(wordsFor(new Refusal("something_new", "The service says why."))).toBe("The service says why.");
});

it("writes money with its cents", () => {
  expect([money(42.5), money(0), money(null)]).toEqual(["42.50", "0.00", ""]);
});

it.each([
  [{ description: "3 boxes" }, "3 boxes"],
  [{ boxes: 3, fragile: true }, "Boxes: 3\nFragile: true"],
  [null, ""],
  ["text", ""],
])("reads what is carried from %j", (items, words) => {
  expect(cargoOf(items)).toBe(words);
});

it("counts drivers", () => {
  expect([triedWords(1), triedWords(2), triedWords(2, true)]).toEqual([
    "1 driver tried so far",
    "2 drivers tried so far",
    "2 drivers tried",
  ]);
});

describe("distances and ages", () => {
  it("are in words", () => {
    expect([3, 994, 1_240, 15_300].map(lengthOf)).toEqual(["0 m", "990 m", "1.2 km", "15 km"]);
    expect([-9, 12_000, 90_000, 9e9].map(ageOf)).toEqual([
      "just now",
      "12 s ago",
      "1 min ago",
      "more than an hour ago",
    ]);
  });

  it("are right for a city", () => {
    const apart = metres({ lat: 40.75, lng: -73.97 }, { lat: 40.76, lng: -73.97 });
    expect(apart).toBeCloseTo(1_113, 0);
  });

  it("need a place that says where it is", () => {
    expect(pointOf({ address: "x", lat: 0, lng: 0 })).toEqual({ lat: 0, lng: 0 });
    expect([pointOf({ address: "x" }), pointOf(null)]).toEqual([null, null]);
  });
});

describe("the steps of a booking", () => {
  const states = (status: string) => stepsOf(status as Status).map(({ state }) => state);

  it.each([
    ["pending", ["now", "ahead", "ahead", "ahead", "ahead", "ahead"]],
    ["unfulfilled", []],
    ["arrived", ["done", "done", "done", "now", "ahead", "ahead"]],
    ["completed", ["done", "done", "done", "done", "done", "done"]],
    ["cancelled", []],
    ["a_status_of_tomorrow", []],
  ])("of one that is %s", (status, expected) => {
    expect(states(status)).toEqual(expected);
  });
});
