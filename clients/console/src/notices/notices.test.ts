import { expect, it } from "vitest";
import { joined, notificationOf, type Notification } from "./notices";

const one = (id: string, seconds: number, read = false): Notification => ({
  id,
  title: id,
  body: "",
  type: "job_update",
  data: {},
  createdAt: new Date(seconds * 1000).toISOString(),
  read,
});

it("shows each notification once, newest first, however it was heard of", () => {
  const ids = joined([one("c", 3), one("b", 2)], [one("b", 2), one("a", 1), one("d", 4)]).map(({ id }) => id);
  expect(ids).toEqual(["d", "c", "b", "a"]);
});

it("keeps as read what was read, when an older page says otherwise", () => {
  expect(joined([one("a", 1, true)], [one("a", 1)])[0]?.read).toBe(true);
  expect(joined([one("a", 1)], [one("a", 1, true)])[0]?.read).toBe(true);
});

it("takes them from HTTP as from the socket", () => {
  const { createdAt, read, ...same } = one("a", 1, true);
  expect(notificationOf({ ...same, created_at: createdAt, read_at: createdAt })).toEqual({
    ...same,
    createdAt,
    read,
  });
});
