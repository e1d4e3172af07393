import type { Status } from "../contract";

export interface Step {
  word: string;
  state: "done" | "now" | "ahead";
}

const STEPS: [Status, string][] = [
  ["pending", "Finding a driver"],
  ["accepted", "Driver assigned"],
  ["en_route", "On the way to you"],
  ["arrived", "At the pickup"],
  ["in_progress", "Under way"],
  ["completed", "Completed"],
];

/** How far it has come. What has halted (cancelled, no driver found) shows none, nor does a newer server's status. */
export function stepsOf(status: Status): Step[] {
  const at = STEPS.findIndex(([step]) => step === status);
  if (at < 0) return [];
  const last = STEPS.length - 1;
  return STEPS.map(([, word], index) => ({
    word,
    state: index < at || at === last ? "done" : index === at ? "now" : "ahead",
  }));
}
