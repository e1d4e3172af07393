import type { Role } from "./contract";

/** Who is signed in. The services check the token; here it only says which screen to show. */
export interface Person {
  token: string;
  sub: string;
  role: Role;
  name: string;
  /** Milliseconds since 1970. */
  expires: number;
}

const KEPT = "waggle.token";

/** Reads a token's claims. Throws an Error that a person understands. */
export function personOf(token: string): Person {
  const bare = token.trim().replace(/^Bearer\s+/i, "");
  const claims = claimsOf(bare);
  if (!isRole(claims["role"]) || typeof claims["sub"] !== "string")
    throw new Error("This token says neither who you are nor what you may do.");
  const expires = typeof claims["exp"] === "number" ? claims["exp"] * 1000 : Infinity;
  if (expires <= Date.now()) throw new Error("This token has expired.");
  const name = typeof claims["name"] === "string" ? claims["name"] : claims["sub"];
  return { token: bare, sub: claims["sub"], role: claims["role"], name, expires };
}

function claimsOf(token: string): Record<string, unknown> {
  try {
    const payload = token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (c) =>
      c.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    throw new Error("This is not a token.");
  }
}

function isRole(value: unknown): value is Role {
  return value === "user" || value === "pilot" || value === "admin";
}

class Session {
  person = $state<Person | null>(null);
  /** Why nobody is signed in any more. */
  reason = $state("");

  /** From a link's fragment (`#token=…`, which no server sees), or as kept by this tab. */
  restore(): void {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const token = fragment.get("token") ?? sessionStorage.getItem(KEPT);
    if (fragment.has("token")) history.replaceState(null, "", location.pathname + location.search);
    if (token) this.signIn(token);
  }

  signIn(token: string): void {
    try {
      this.person = personOf(token);
      this.reason = "";
      sessionStorage.setItem(KEPT, this.person.token);
    } catch (error) {
      this.signOut((error as Error).message);
    }
  }

  signOut(reason = ""): void {
    this.person = null;
    this.reason = reason;
    sessionStorage.removeItem(KEPT);
  }
}

export const session = new Session();
