/** A line of the stream of assignments: what the admin's room was told, in words. */
export interface Line {
  key: number;
  /** A booking's id. */
  booking: string;
  words: string;
  tone: "good" | "bad" | "calm";
  /** Milliseconds since 1970. */
  at: number;
}

type Payload = Record<string, unknown>;
type Said = Pick<Line, "booking" | "words" | "tone">;

export const LONGEST = 100;

const TOLD: Record<string, (payload: Payload) => Said | null> = {
  "booking:assigned": ({ bookingId, pilotId, pilotName }) => ({
    booking: text(bookingId),
    words: `${text(pilotName ?? pilotId)} took it`,
    tone: "good",
  }),
  "booking:no_pilots": ({ bookingId, reason, triedPilots }) => ({
    booking: text(bookingId),
    words: text(reason) + tried(triedPilots),
    tone: "bad",
  }),
  "booking:search_timeout": ({ bookingId, triedPilots }) => ({
    booking: text(bookingId),
    words: `Search timed out${tried(triedPilots)}`,
    tone: "bad",
  }),
  // An assignment is told by `booking:assigned` too, which knows by whom.
  "admin:job-status": ({ job_id, status }) =>
    status === "accepted"
      ? null
      : { booking: text(job_id), words: `Now ${text(status).replace(/_/g, " ")}`, tone: "calm" },
};

export const NAMES = Object.keys(TOLD);

/** Null for what is not told in this stream. */
export function said(name: string, payload: Payload): Said | null {
  return TOLD[name]?.(payload) ?? null;
}

/** Newest first, no more than `LONGEST`. */
export function added(lines: readonly Line[], line: Line): Line[] {
  return [line, ...lines].slice(0, LONGEST);
}

function tried(count: unknown): string {
  if (typeof count !== "number") return "";
  if (count === 0) return "; nobody asked";
  return `; ${count} asked`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
