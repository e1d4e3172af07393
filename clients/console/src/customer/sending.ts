import type { Order } from "./order";

/** What was sent, and under which Idempotency-Key. */
export interface Sent {
  key: string;
  body: string;
}

/**
 * The same order keeps its key until it is answered: then asking again is the same booking. Another order has
 * another key; the service would refuse the old one with it (`idempotency_key_reused`).
 */
export function sendable(before: Sent | null, order: Order): Sent {
  const body = JSON.stringify(order);
  return before?.body === body ? before : { key: newKey(), body };
}

/** Whether it may have been done all the same. A refusal says that it was not. */
export function isOpen(code: string): boolean {
  const open = ["unreachable", "no_answer", "unavailable", "internal", "bad_reply"];
  return open.includes(code) || code.startsWith("http_");
}

/** 128 random bits. `randomUUID` is not there on pages served without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
