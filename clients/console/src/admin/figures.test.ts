import { expect, it } from "vitest";
import { figures, type Stats } from "./figures";

const STATS: Stats = {
  activeBookings: 1234,
  onlinePilots: 80,
  busyPilots: 31,
  pendingSearches: 4,
  assignedSearches: 995,
  failedSearches: 5,
  successRate: 0.995,
  assignedLastHour: 42,
};

it("tells the figures as a person reads them", () => {
  expect(Object.fromEntries(figures(STATS))).toEqual({
    "Bookings under way": "1,234",
    "Drivers online": "80",
    "On a job": "31",
    "Searches running": "4",
    "Assigned, last hour": "42",
    "In vain, 24 h": "5",
    "Success, 24 h": "99.5 %",
  });
});

it("tells a zero as one, and what is not known not at all", () => {
  const values = (stats: Partial<Stats> | null) => figures(stats).map(([, value]) => value);
  expect(values(null)).toEqual(["–", "–", "–", "–", "–", "–", "–"]);
  expect(values({ ...STATS, successRate: null }).at(-1)).toBe("–");
  expect(values({ pendingSearches: 0, successRate: 0 }).slice(3)).toEqual(["0", "–", "–", "0.0 %"]);
});
