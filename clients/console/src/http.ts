import { hearDate } from "./clock";
import { Refusal } from "./refusal";
import { session } from "./session.svelte";

/** Asks a service, as the person signed in. Throws a `Refusal`. `body` makes it a POST unless `method` says else. */
export async function call<T>(
  path: string,
  options: { method?: string; body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<T> {
  const headers = new Headers(options.headers);
  if (session.person) headers.set("Authorization", `Bearer ${session.person.token}`);
  const init: RequestInit = {
    method: options.method ?? (options.body === undefined ? "GET" : "POST"),
    headers,
  };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = JSON.stringify(options.body);
  }
  const asked = Date.now();
  const answer = await fetch(path, init).catch((error: unknown) => {
    if (options.signal?.aborted) throw error;
    throw new Refusal("unreachable", "Waggle cannot be reached. Please try again.");
  });
  hearDate(answer.headers.get("Date"), asked);
  if (!answer.ok) throw await refusalOf(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

interface Problem {
  code?: string;
  title?: string;
  detail?: string;
  /** What of the request is wrong; `field` as in `body.steps.0.policy`. */
  errors?: { field: string; message: string }[];
}

/** RFC 9457 problem+json, with a stable `code`. */
async function refusalOf(answer: Response): Promise<Refusal> {
  const problem = (await answer.json().catch(() => ({}))) as Problem;
  if (answer.status === 401) session.signOut(problem.detail ?? "Please sign in again.");
  const words = problem.detail ?? problem.title ?? "Something went wrong.";
  const errors = (problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`);
  return new Refusal(problem.code ?? `http_${answer.status}`, [words, ...errors].join("; "));
}
