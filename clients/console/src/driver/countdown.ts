/** How an offer's time runs out. It says nothing about its end: that is `offer:expired`, for the server's clock decides. */
export interface Countdown {
  /** Whole seconds that are left; 0 when the time is over. */
  seconds: number;
  /** Of the ring, 1 to 0. */
  share: number;
  /** In the last ten seconds. */
  urgent: boolean;
}

/** An offer's life where its service type says nothing else (B4), and the end of it that is red (D2). */
export const USUAL_MS = 30_000;
export const URGENT_MS = 10_000;

/** `now` by the server's clock; `life`: milliseconds that are the whole ring. */
export function countdown(expiresAt: string, now: number, life = USUAL_MS): Countdown {
  const left = Math.max(0, Date.parse(expiresAt) - now);
  return { seconds: Math.ceil(left / 1_000), share: Math.min(1, left / life), urgent: left <= URGENT_MS };
}

/** The whole ring of an offer that is first seen `now`: the usual life, or a longer one. */
export function lifeOf(expiresAt: string, now: number): number {
  return Math.max(USUAL_MS, Date.parse(expiresAt) - now);
}
