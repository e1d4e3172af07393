import type { Connection } from "../connection.svelte";
import { Notices } from "../notices/notices.svelte";
import type { Person } from "../session.svelte";
import { Availability } from "./availability.svelte";
import { Profile } from "./profile.svelte";
import { Whereabouts } from "./whereabouts.svelte";
import { Work } from "./work.svelte";

const FREED_MS = 1_000;
const FREED_TRIES = 5;

/** One driver at work: who, whether online, where, and on what. */
export class Shift {
  readonly profile = new Profile();
  readonly whereabouts = new Whereabouts();
  readonly availability: Availability;
  readonly work: Work;
  readonly notices: Notices;
  readonly onJob = $derived.by(() => this.work.list.bookings.length > 0);
  readonly duty = $derived.by(() => (this.onJob ? "job" : this.availability.online ? "idle" : "none"));
  readonly located = $derived.by(() => this.whereabouts.here !== null);
  readonly #stopSharing: () => void;

  constructor(connection: Connection, person: Person) {
    this.availability = new Availability(connection);
    this.work = new Work(connection, person.sub);
    this.notices = new Notices(connection);
    this.#stopSharing = this.whereabouts.share(connection, () => this.duty);
    // A snapshot has the jobs that this driver was shown; there may be more that it can take.
    connection.on("booking:snapshot", () => void this.#read());
  }

  /** Whether this driver is online is asked; if it is, as far as we know, that is said again, and the feed read. */
  async affirm(): Promise<void> {
    if (this.availability.online) await this.availability.affirm(this.whereabouts.here);
    else await this.look();
    await this.#read();
  }

  async look(): Promise<void> {
    const learn = this.availability.learning();
    const me = await this.profile.load();
    if (me) learn(me);
  }

  /** After a job: others may be had again. That it is over is known to one service a moment before the other. */
  async freed(): Promise<void> {
    for (let tries = FREED_TRIES; tries > 0; tries--) {
      await this.look();
      if (this.onJob || this.profile.me?.state !== "busy") break;
      await new Promise((resolve) => setTimeout(resolve, FREED_MS));
    }
    await this.#read();
  }

  async goOffline(): Promise<void> {
    await this.availability.goOffline();
    if (!this.availability.online) this.work.offDuty();
  }

  close(): void {
    this.#stopSharing();
    this.notices.close();
  }

  async #read(): Promise<void> {
    if (this.availability.online) await this.work.reload();
  }
}
