import { describe, expect, it } from "vitest";
import { distanceWords, gateWords, offerWords, pushWords, verdicts } from "./whynot";
import type { Asked, Attempt, Candidate, Device, Told } from "./whynot";

const START = "2026-11-21T12:00:00.000Z";

function candidate(driver_id: string, more: Partial<Candidate> = {}): Candidate {
  return { driver_id, gate: null, distance_m: null, eta_s: null, score: null, ...more };
}

function asked(driver_id: string, more: Partial<Asked> = {}): Asked {
  return {
    id: driver_id,
    number: 1,
    rung: 0,
    driver_id,
    state: "pending",
    exclusive: true,
    created_at: START,
    expires_at: null,
    answered_at: null,
    pushes: [],
    ...more,
  };
}

function attempt(more: Partial<Attempt>): Attempt {
  return {
    search_id: "s1",
    attempt: 1,
    state: "assigned",
    mode: "cascade",
    failure: null,
    driver_id: null,
    started_at: START,
    deadline: null,
    ended_at: null,
    offers: [],
    decisions: [],
    others: [],
    ...more,
  };
}

function look(...candidates: Candidate[]) {
  return { at: START, rung: 0, policy: "cascade", candidates };
}

describe("what became of an offer", () => {
  it.each([
    ["declined", "2026-11-21T12:00:06.400Z", "declined after 6.4 s"],
    ["accepted", "2026-11-21T12:00:12.000Z", "accepted after 12 s"],
    ["expired", null, "let it lapse"],
    ["pending", null, "has not answered yet"],
    ["bartered", null, "bartered"],
  ])("is told of one that is %s at %s", (state, answered_at, words) => {
    expect(offerWords(asked("dan", { state, answered_at }))).toBe(words);
  });
});

describe("a distance", () => {
  it.each([
    [{ distance_m: 240, eta_s: 39 }, "240 m, 39 s"],
    [{ distance_m: 1240, eta_s: 201 }, "1.2 km, 3 min"],
    [{ distance_m: 0 }, "0 m"],
    [{ eta_s: 0 }, "0 s"],
    [{}, ""],
  ])("of %j is told as far as it is known", (known, words) => {
    expect(distanceWords(candidate("dan", known))).toBe(words);
  });
});

describe("whether a phone was told", () => {
  const phone: Device = {
    platform: "ios",
    token_end: "1234",
    state: "sent",
    reason: null,
    attempts: 1,
    sent_at: START,
  };
  const told = (more: Partial<Told>): Told => ({
    id: "n1",
    user_id: "dan",
    kind: "offer",
    gate: null,
    devices: [],
    ...more,
  });

  it("is told for each of its devices, with the reason of one that failed", () => {
    const other = {
      ...phone,
      platform: "android",
      token_end: "9876",
      state: "failed",
      reason: "UNREGISTERED",
    };
    expect(pushWords([told({ devices: [phone, other] })])).toBe(
      "iOS …1234 sent, Android …9876 failed (UNREGISTERED)",
    );
  });

  it("tells a driver without a phone from a push service that did not answer", () => {
    expect(pushWords([told({ gate: "no_device" })])).toBe("no phone registered");
    expect(pushWords(null)).toBe("not known");
    expect(pushWords([])).toBe("nothing sent");
  });
});

describe("everybody an attempt knows of", () => {
  it("is there once: those asked in their order, then the others, nearest first", () => {
    const found = verdicts(
      attempt({
        offers: [asked("first", { state: "declined" }), asked("second", { state: "accepted" })],
        decisions: [
          look(
            candidate("first"),
            candidate("second", { distance_m: 300 }),
            candidate("next", { distance_m: 2000 }),
            candidate("near", { gate: "busy", distance_m: 10 }),
          ),
          look(
            candidate("first", { gate: "tried" }),
            candidate("second"),
            candidate("next", { distance_m: 2000 }),
          ),
        ],
        others: [candidate("far", { gate: "out_of_range" })],
      }),
    );
    expect(found.map(({ driver, asked }) => [driver, asked])).toEqual([
      ["first", true],
      ["second", true],
      ["near", false],
      ["next", false],
      ["far", false],
    ]);
  });

  it("is told as the newest look saw it", () => {
    const decisions = [
      look(candidate("dan", { gate: "holds_offer" })),
      look(candidate("dan", { gate: "stale" })),
    ];
    expect(verdicts(attempt({ decisions }))[0]?.what).toBe("not heard of for too long");
  });

  it("says of who could have been asked that somebody else took the job, or nobody yet", () => {
    const decisions = [look(candidate("dan"))];
    const what = (state: string) => verdicts(attempt({ decisions, state }))[0]?.what;
    expect(what("assigned")).toBe("would have been asked; another took it");
    expect(what("searching")).toBe("may be asked yet");
    expect(what("cancelled")).toBe("would have been asked; the search has ended");
  });

  it("shows a gate of a newer server as it is", () => {
    expect(gateWords("on_strike")).toBe("on_strike");
    expect(gateWords("out_of_range")).toBe("out of range");
  });
});
