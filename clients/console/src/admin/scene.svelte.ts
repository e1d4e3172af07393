import { OVER, type Booking, type Point } from "../contract";
import type { Box } from "../map/features";
import { bookings, driversIn, type DriverMap } from "./api";
import { paced } from "./paced";
import { inWorld, WORLD } from "./view";

const DRIVERS_MS = 3_000;
const JOBS_MS = 5_000;
const REST_MS = 1_000;
const MOST_JOBS = 100;
const NOBODY: DriverMap = { drivers: [], cells: [], total: 0, complete: true };

/** What the live map shows: the drivers of the view, and the jobs that are open. Asked for while somebody looks. */
export class Scene {
  drivers = $state.raw<DriverMap>(NOBODY);
  jobs = $state.raw<Booking[]>([]);
  /** Whether there are more of them than are shown. */
  moreJobs = $state(false);
  /** Where anything was at the start: that is where the map begins. */
  begin = $state.raw<readonly Point[]>([]);
  trouble = $state("");
  #box: Box | undefined;
  #asking: AbortController | undefined;
  readonly #jobs = paced(() => this.#lookForJobs(), REST_MS);

  /** Returns what ends it. */
  start(): () => void {
    const asking = new AbortController();
    void this.#told(async () => {
      const { drivers, cells } = await driversIn(WORLD, asking.signal);
      this.begin = [...drivers, ...cells];
    }, asking.signal);
    this.#jobs.ask();
    const timers = [
      setInterval(() => document.hidden || void this.#lookForDrivers(), DRIVERS_MS),
      setInterval(() => document.hidden || this.#jobs.ask(), JOBS_MS),
    ];
    return () => {
      timers.forEach(clearInterval);
      this.#jobs.end();
      this.#asking?.abort();
      asking.abort();
    };
  }

  /** The view has moved: what was asked for the old one is of no use. */
  see(box: Box): void {
    this.#box = box;
    this.#asking?.abort();
    this.#asking = undefined;
    void this.#lookForDrivers();
  }

  /** Something was told of a job: it is seen without waiting for the next look. */
  stir(): void {
    this.#jobs.ask();
  }

  async #lookForJobs(): Promise<void> {
    await this.#told(async () => {
      const { items, next } = await bookings("open", null, MOST_JOBS);
      this.jobs = items.filter(({ status }) => !OVER.has(status));
      this.moreJobs = next !== null;
    });
  }

  async #lookForDrivers(): Promise<void> {
    if (!this.#box || this.#asking) return; // a slow answer is waited for, not asked for twice
    const asking = (this.#asking = new AbortController());
    const box = inWorld(this.#box);
    await this.#told(async () => {
      const seen = await driversIn(box, asking.signal);
      if (this.#asking === asking) this.drivers = seen;
    }, asking.signal);
    if (this.#asking === asking) this.#asking = undefined;
  }

  async #told(look: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await look();
      this.trouble = "";
    } catch (error) {
      if (!signal?.aborted) this.trouble = (error as Error).message;
    }
  }
}
