/** How far the server's clock is ahead of this device's, in milliseconds: somewhere from `least` to `most`. */
export interface Skew {
  least: number;
  most: number;
}

export const UNKNOWN: Skew = { least: -Infinity, most: Infinity };

/** A `Date` header has whole seconds, and the services renew it once in a second. */
const COARSE_MS = 2_000;

/** What an answer's date adds. `asked`, `answered`: when, by this device. Where old and new contradict each other, the new. */
export function narrowed(known: Skew, date: number, asked: number, answered: number): Skew {
  const heard = { least: date - answered, most: date + COARSE_MS - asked };
  const both = { least: Math.max(known.least, heard.least), most: Math.min(known.most, heard.most) };
  return both.least <= both.most ? both : heard;
}

/** What to reckon with: none, unless this device's clock is proven wrong. */
export function likely({ least, most }: Skew): number {
  return Math.min(Math.max(0, least), most);
}

let skew = UNKNOWN;

/** Learns from an answer's `Date` header. `asked`: this device's time when the question went out. */
export function hearDate(header: string | null, asked: number): void {
  const date = Date.parse(header ?? "");
  if (!Number.isNaN(date)) skew = narrowed(skew, date, asked, Date.now());
}

/** The server's time, as far as it is known; milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + likely(skew);
}
