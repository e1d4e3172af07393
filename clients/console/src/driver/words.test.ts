import { expect, it } from "vitest";
import type { Status } from "../contract";
import { Refusal } from "../refusal";
import { nextStep, takesOff, wordsFor } from "./words";

it("goes from the acceptance to the end, step by step", () => {
  const steps: (Status | undefined)[] = ["accepted"];
  while (steps.at(-1)) steps.push(nextStep(steps.at(-1) as Status)?.status);
  expect(steps).toEqual(["accepted", "en_route", "arrived", "in_progress", "completed", undefined]);
  expect(nextStep("paused" as Status)).toBeUndefined();
});

it("says a refusal in its own words, and an unknown one in the service's", () => {
  expect(wordsFor(new Refusal("already_accepted", "Job already accepted"))).toContain("Another driver");
  expect(wordsFor(new Refusal("new_code", "Not on Sundays"))).toBe("Not on Sundays");
});

it.each([
  ["already_accepted", true],
  ["offer_expired", true],
  ["driver_busy", false],
  ["no_answer", false],
])("takes an offer off the screen after %s: %o", (code, off) =>
  expect(takesOff(new Refusal(code, ""))).toBe(off),
);
