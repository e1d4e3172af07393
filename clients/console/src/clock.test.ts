import { expect, it } from "vitest";
import { likely, narrowed, UNKNOWN } from "./clock";

const NOON = Date.parse("2026-11-20T12:00:00Z");

it("trusts the device's clock while nothing proves it wrong", () => {
  expect(likely(UNKNOWN)).toBe(0);
  expect(likely(narrowed(UNKNOWN, NOON, NOON + 300, NOON + 400))).toBe(0);
});

it.each([
  ["slow", -60_000, 60_000],
  ["fast", 60_000, -60_000],
])("puts right one that is a minute %s", (_, error, skew) => {
  const heard = narrowed(UNKNOWN, NOON, NOON + error, NOON + error + 100);
  expect(Math.abs(likely(heard) - skew)).toBeLessThanOrEqual(2_000);
});

it("knows it better with each answer, and believes the newest when the clock was set", () => {
  const first = narrowed(UNKNOWN, NOON, NOON, NOON + 5_000);
  const second = narrowed(first, NOON + 10_000, NOON + 10_900, NOON + 11_000);
  expect(second.most - second.least).toBeLessThan(first.most - first.least);
  expect(likely(narrowed(second, NOON, NOON - 3_600_000, NOON - 3_600_000))).toBeGreaterThan(3_590_000);
});
