import type { Refusal } from "../refusal";

/** What we say to a "no", by its code; what is not here the service says well enough itself. */
const SAID: Record<string, string> = {
  already_completed: "It is completed already, and can no longer be cancelled.",
  not_retryable: "There is nothing to search for again. This is how it stands now.",
  not_found: "There is no such booking.",
  forbidden: "This is not yours to change.",
  unknown_service_type: "This service is not offered. Please choose another one.",
  unavailable: "Waggle cannot do this just now. Please try again in a moment.",
  internal: "Something went wrong at our end. Please try again in a moment.",
  bad_reply: "Something went wrong at our end. Please try again in a moment.",
  ERR_RATE: "That was too fast. Please try again in a moment.",
};

export function wordsFor(refusal: Refusal): string {
  return SAID[refusal.code] ?? refusal.message;
}

/** Money as people read it; the amount's currency is the operator's. */
export function money(amount: string | number | null): string {
  return amount === null ? "" : Number(amount).toFixed(2);
}

/** A time of day, with the date if it is not today's. */
export function timeOf(text: string, now = new Date()): string {
  const then = new Date(text);
  const time = { hour: "2-digit", minute: "2-digit" } as const;
  if (then.toDateString() === now.toDateString()) return then.toLocaleTimeString([], time);
  return then.toLocaleString([], { day: "numeric", month: "short", ...time });
}

/** A service's or a payment's name, as a person writes it. */
export function titled(name: string): string {
  const spaced = name.replace(/[_-]+/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export function triedWords(tried: number, over = false): string {
  return `${tried} driver${tried === 1 ? "" : "s"} tried${over ? "" : " so far"}`;
}

/** What an order's `items` say; ours have a description, others' what they like. */
export function cargoOf(items: unknown): string {
  if (typeof items !== "object" || items === null) return "";
  const { description, ...others } = items as Record<string, unknown>;
  const rest = Object.entries(others).map(([name, value]) => `${titled(name)}: ${plain(value)}`);
  return [...(description ? [plain(description)] : []), ...rest].join("\n");
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
