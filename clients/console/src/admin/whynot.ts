/** How a job was dispatched, as `GET /v1/bookings/{id}/dispatch` tells it (A12), and the same in words. */

export interface Candidate {
  driver_id: string;
  gate: string | null;
  distance_m: number | null;
  eta_s: number | null;
  score: number | null;
}

export interface Decision {
  at: string;
  rung: number;
  policy: string;
  candidates: Candidate[];
}

export interface Device {
  platform: string;
  token_end: string;
  state: string;
  reason: string | null;
  attempts: number;
  sent_at: string | null;
}

export interface Told {
  id: string;
  user_id: string;
  kind: string;
  gate: string | null;
  devices: Device[];
}

export interface Asked {
  id: string;
  number: number;
  rung: number;
  driver_id: string;
  state: string;
  exclusive: boolean;
  created_at: string;
  expires_at: string | null;
  answered_at: string | null;
  pushes: Told[] | null;
}

export interface Attempt {
  search_id: string;
  attempt: number;
  state: string;
  mode: string;
  failure: string | null;
  driver_id: string | null;
  started_at: string;
  deadline: string | null;
  ended_at: string | null;
  offers: Asked[];
  decisions: Decision[];
  others: Candidate[];
}

export interface Explained {
  job_id: string;
  attempts: Attempt[];
  pushes: { notifications: Told[]; left_out: number } | null;
  pushes_refused: string | null;
}

/** A driver in an attempt, once: asked or not, and why. */
export interface Verdict {
  driver: string;
  asked: boolean;
  what: string;
  how: string;
}

const GATES: Record<string, string> = {
  not_approved: "not approved",
  operator: "an operator, who takes no jobs",
  offline: "offline",
  busy: "busy with a job",
  wrong_vehicle: "wrong vehicle",
  holds_offer: "had another offer to answer",
  stale: "not heard of for too long",
  no_location: "position unknown",
  out_of_range: "out of range",
  farther: "nearer ones were enough",
  contended: "in another search's hands at that moment",
  tried: "had been asked before",
  not_wished: "another was wished for",
};

const OFFERS: Record<string, string> = {
  pending: "has not answered yet",
  accepted: "accepted",
  declined: "declined",
  expired: "let it lapse",
  withdrawn: "taken back",
};

/** Why a driver was not asked. A gate that a newer server knows is shown as it is. */
export function gateWords(gate: string): string {
  return GATES[gate] ?? gate;
}

/** What became of an offer: "declined after 6 s". */
export function offerWords({ state, created_at, answered_at }: Asked): string {
  const words = OFFERS[state] ?? state;
  if (!answered_at) return words;
  const seconds = (Date.parse(answered_at) - Date.parse(created_at)) / 1000;
  return `${words} after ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** Metres and seconds, as far as they are known: "1.2 km, 3 min". */
export function distanceWords({ distance_m, eta_s }: Candidate): string {
  return [distance_m === null ? "" : metres(distance_m), eta_s === null ? "" : seconds(eta_s)]
    .filter(Boolean)
    .join(", ");
}

function metres(far: number): string {
  return far < 1000 ? `${Math.round(far)} m` : `${(far / 1000).toFixed(1)} km`;
}

function seconds(long: number): string {
  return long < 90 ? `${Math.round(long)} s` : `${Math.round(long / 60)} min`;
}

const PLATFORMS: Record<string, string> = { ios: "iOS", android: "Android" };

/** Whether the phone was told: "iOS …1234 sent", "no phone registered". */
export function pushWords(pushes: Told[] | null): string {
  if (pushes === null) return "not known";
  return pushes.map(told).join("; ") || "nothing sent";
}

function told({ gate, devices }: Told): string {
  if (gate) return gate === "no_device" ? "no phone registered" : gate;
  return devices.map(deviceWords).join(", ") || "on its way";
}

function deviceWords({ platform, token_end, state, reason }: Device): string {
  return `${PLATFORMS[platform] ?? platform} …${token_end} ${state}${reason ? ` (${reason})` : ""}`;
}

/** Everybody an attempt knows of, once: those asked in their order, then the others, nearest first. */
export function verdicts({ state, offers, decisions, others }: Attempt): Verdict[] {
  const asked = offers.map((offer) => ({
    driver: offer.driver_id,
    asked: true,
    what: offerWords(offer),
    how: pushWords(offer.pushes),
  }));
  const known = new Set(asked.map(({ driver }) => driver));
  const last = new Map<string, Candidate>(); // the newest look counts
  for (const one of [...others, ...decisions.flatMap(({ candidates }) => candidates)])
    last.set(one.driver_id, one);
  const left = [...last.values()]
    .filter(({ driver_id }) => !known.has(driver_id))
    .sort((one, other) => (one.distance_m ?? Infinity) - (other.distance_m ?? Infinity) || 0)
    .map((one) => ({
      driver: one.driver_id,
      asked: false,
      what: one.gate ? gateWords(one.gate) : spared(state),
      how: distanceWords(one),
    }));
  return [...asked, ...left];
}

/** Why somebody was not asked whom nothing stood against. */
function spared(state: string): string {
  if (state === "searching") return "may be asked yet";
  return `would have been asked; ${state === "assigned" ? "another took it" : "the search has ended"}`;
}
