import { expect, it } from "vitest";
import { countdown, lifeOf } from "./countdown";

const END = "2026-11-20T12:00:30.000Z";
const before = (ms: number) => Date.parse(END) - ms;

it.each([
  ["begins full", 30_000, { seconds: 30, share: 1, urgent: false }],
  ["goes down", 15_000, { seconds: 15, share: 0.5, urgent: false }],
  ["is not urgent before the last ten seconds", 10_001, { seconds: 11, urgent: false }],
  ["is urgent in the last ten seconds", 10_000, { seconds: 10, urgent: true }],
  ["ends empty", 0, { seconds: 0, share: 0, urgent: true }],
  ["stays empty until the server has said it", -5_000, { seconds: 0, share: 0, urgent: true }],
])("%s", (_, left, expected) => expect(countdown(END, before(left))).toMatchObject(expected));

it("is as long as the offer, where that lives longer than usual", () => {
  expect(lifeOf(END, before(60_000))).toBe(60_000);
  expect(countdown(END, before(30_000), 60_000).share).toBe(0.5);
});

it("does not begin full when most of the time has passed, as after a reload", () => {
  expect(countdown(END, before(6_000), lifeOf(END, before(6_000))).share).toBe(0.2);
});
