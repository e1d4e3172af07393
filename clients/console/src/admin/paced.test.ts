import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { paced } from "./paced";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function counting(lasts = 0) {
  const seen = { looks: 0, atOnce: 0, most: 0 };
  const look = async () => {
    seen.looks++;
    seen.most = Math.max(seen.most, ++seen.atOnce);
    await new Promise((resolve) => setTimeout(resolve, lasts));
    seen.atOnce--;
  };
  return { seen, look };
}

it("looks at once, and many calls meanwhile are one more look", async () => {
  const { seen, look } = counting(300);
  const { ask } = paced(look, 1_000);
  for (let call = 0; call < 50; call++) ask();
  expect(seen.looks).toBe(1);
  await vi.advanceTimersByTimeAsync(1_299);
  expect(seen.looks).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(seen).toEqual({ looks: 2, atOnce: 0, most: 1 });
});

it("does not look again when nobody has called", async () => {
  const { seen, look } = counting();
  paced(look, 1_000).ask();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen.looks).toBe(1);
});

it("looks no more once it has ended, whatever waits", async () => {
  const { seen, look } = counting(300);
  const { ask, end } = paced(look, 1_000);
  ask();
  ask();
  end();
  ask();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen.looks).toBe(1);
});
