import { describe, expect, it } from "vitest";
import { personOf } from "./session.svelte";

function token(claims: object): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  return `${part({ alg: "HS256" })}.${part(claims)}.signature`;
}

const LATER = Math.floor(Date.now() / 1000) + 60;

describe("personOf", () => {
  it("reads who it is and what they may do", () => {
    const person = personOf(token({ sub: "ann", role: "user", name: "Ann", exp: LATER }));
    expect(person).toMatchObject({ sub: "ann", role: "user", name: "Ann", expires: LATER * 1000 });
  });

  it("takes a token with Bearer before it, and calls a person without a name by their id", () => {
    expect(personOf(`Bearer ${token({ sub: "dan", role: "pilot" })}`)).toMatchObject({
      name: "dan",
      expires: Infinity,
    });
  });

  it.each([
    ["no token at all", "hello", "not a token"],
    ["one of another place", token({ sub: "ann", role: "owner" }), "neither who you are"],
    ["one that has ended", token({ sub: "ann", role: "user", exp: 1 }), "expired"],
  ])("refuses %s, in words", (_, text, words) => {
    expect(() => personOf(text)).toThrow(words);
  });
});
