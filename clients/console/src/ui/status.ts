import type { Status } from "../contract";

export type Tone = "calm" | "good" | "warn" | "bad";

const WORDS: Record<Status, [string, Tone]> = {
  pending: ["Finding a driver", "warn"],
  accepted: ["Driver assigned", "calm"],
  en_route: ["Driver on the way", "calm"],
  arrived: ["Driver has arrived", "calm"],
  in_progress: ["Under way", "calm"],
  completed: ["Completed", "good"],
  cancelled: ["Cancelled", "bad"],
  unfulfilled: ["No driver found", "bad"],
};

/** What people call a status. One that a newer server knows is shown as it is. */
export function wordOf(status: Status): string {
  return WORDS[status]?.[0] ?? status;
}

export function toneOf(status: Status): Tone {
  return WORDS[status]?.[1] ?? "calm";
}
