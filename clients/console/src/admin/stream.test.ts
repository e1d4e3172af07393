import { describe, expect, it } from "vitest";
import { added, LONGEST, said, type Line } from "./stream";

describe("the stream of assignments", () => {
  it("names who took a job", () => {
    const told = { bookingId: "b1", pilotId: "dan", pilotName: "Dan" };
    expect(said("booking:assigned", told)).toEqual({ booking: "b1", words: "Dan took it", tone: "good" });
  });

  it.each([
    [0, "nobody asked"],
    [1, "1 asked"],
    [3, "3 asked"],
  ])("counts %d who were asked in vain", (triedPilots, words) => {
    const told = { bookingId: "b1", reason: "No pilots available in your area", triedPilots };
    expect(said("booking:no_pilots", told)?.words).toBe(`No pilots available in your area; ${words}`);
    expect(said("booking:search_timeout", { bookingId: "b1", triedPilots })?.words).toBe(
      `Search timed out; ${words}`,
    );
  });

  it("leaves out what it was not told", () => {
    expect(said("booking:search_timeout", {})).toEqual({
      booking: "",
      words: "Search timed out",
      tone: "bad",
    });
  });

  it("tells an assignment once, though two events tell of it", () => {
    expect(said("admin:job-status", { job_id: "b1", status: "accepted", driver_id: "dan" })).toBeNull();
    expect(said("admin:job-status", { job_id: "b1", status: "in_progress" })).toEqual({
      booking: "b1",
      words: "Now in progress",
      tone: "calm",
    });
  });

  it("tells nothing of events that are not its own", () => {
    expect(said("dashboard:stats", {})).toBeNull();
  });

  it("keeps the newest, newest first", () => {
    const line = (key: number): Line => ({ key, booking: "", words: "", tone: "good", at: 0 });
    let lines: Line[] = [];
    for (let key = 0; key < LONGEST + 5; key++) lines = added(lines, line(key));
    expect(lines).toHaveLength(LONGEST);
    expect(lines[0]?.key).toBe(LONGEST + 4);
  });
});
