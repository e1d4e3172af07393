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

export function triedWords(tried: number, over = false): string {
  return `${tried} driver${tried === 1 ? "" : "s"} tried${over ? "" : " so far"}`;
}
