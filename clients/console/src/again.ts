import type { Connection } from "./connection.svelte";
import { Refusal } from "./refusal";

const PASSING = new Set(["no_answer", "unavailable", "internal", "bad_reply", "ERR_RATE"]);
const FIRST_PAUSE_MS = 500;
const TRIES = 3;

/**
 * The ack, asked for as often as there is hope: nothing that apps ask for does harm twice. `wanted` is looked at
 * before each time but the first: what was wished meanwhile comes first. Throws a `Refusal`.
 */
export async function askAgain<T extends object>(
  connection: Connection,
  name: string,
  payload: object = {},
  wanted = () => true,
): Promise<T> {
  for (let tries = TRIES, pause = FIRST_PAUSE_MS; ; pause *= 2) {
    try {
      return await connection.ask<T>(name, payload);
    } catch (error) {
      if (--tries === 0 || !(error instanceof Refusal) || !PASSING.has(error.code)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (!wanted()) throw error;
    }
  }
}
