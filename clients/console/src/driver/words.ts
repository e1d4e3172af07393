import type { Status } from "../contract";
import type { Refusal } from "../refusal";

/** What a driver is told of a "no", by its code; docs/client-guide.md, "What the apps ask for". */
const REFUSALS: Record<string, string> = {
  already_accepted: "Another driver has taken this job.",
  job_gone: "This job is no longer to be had.",
  not_offered: "This job was not offered to you.",
  offer_expired: "The time for this offer is over.",
  offer_closed: "This offer has ended.",
  driver_busy: "You are on a job. Complete it before you take another.",
  not_approved: "You are not approved to take jobs. An administrator decides that.",
  illegal_step: "That step does not come next. This is how the job stands now.",
  already_completed: "This job is completed.",
  not_found: "This job is not yours any more.",
  forbidden: "This job is not yours any more.",
  unavailable: "Waggle cannot do this just now. Please try again in a moment.",
  internal: "Something went wrong at our end. Please try again in a moment.",
  bad_reply: "Something went wrong at our end. Please try again in a moment.",
  ERR_RATE: "That was too fast. Please try again in a moment.",
};

export function wordsFor({ code, message }: Refusal): string {
  return REFUSALS[code] ?? message;
}

/** After these there is nothing left to answer. */
const OFF_THE_SCREEN = new Set([
  "already_accepted",
  "job_gone",
  "not_offered",
  "offer_expired",
  "offer_closed",
  "not_found",
  "forbidden",
]);

export function takesOff({ code }: Refusal): boolean {
  return OFF_THE_SCREEN.has(code);
}

/** A driver's step, before and after it is taken. */
export interface Step {
  status: Status;
  word: string;
  /** What the button says that takes it; the first one is taken by accepting. */
  action: string;
}

export const STEPS: readonly Step[] = [
  { status: "accepted", word: "Accepted", action: "" },
  { status: "en_route", word: "On the way", action: "I am on my way" },
  { status: "arrived", word: "Arrived", action: "I have arrived" },
  { status: "in_progress", word: "In progress", action: "Start the job" },
  { status: "completed", word: "Completed", action: "Complete the job" },
];

/** The step after this status; undefined at the end, and for a status that only a newer server knows. */
export function nextStep(status: Status): Step | undefined {
  const at = STEPS.findIndex((step) => step.status === status);
  return at < 0 ? undefined : STEPS[at + 1];
}
