import { askAgain } from "../again";
import type { Connection } from "../connection.svelte";
import type { Point } from "../contract";
import { Refusal } from "../refusal";
import type { DriverProfile } from "./profile.svelte";
import { wordsFor } from "./words";

interface Answer {
  state: DriverProfile["state"];
  approved: boolean;
}

const KEPT = "waggle.online";

/** Whether this driver is offered jobs. `online` is what the server said last. */
export class Availability {
  online = $state(false);
  /** Whether a change is under way. */
  busy = $state(false);
  said = $state("");
  readonly #connection: Connection;
  /** Counts what the driver wished, when it begins and when it is done, so that nothing older undoes it. */
  #wishes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * To be called before `GET /v1/drivers/me`; what it returns, with the answer. An answer to a question from before a
   * wish says nothing. Of a busy driver it does not say what comes after the job: then it is as this tab knew it.
   */
  learning(): (me: DriverProfile) => void {
    const wishes = this.#wishes;
    return (me) => {
      if (!this.busy && wishes === this.#wishes) this.#learn(me);
    };
  }

  #learn({ state }: DriverProfile): void {
    if (state === "busy") this.online ||= sessionStorage.getItem(KEPT) !== null;
    else this.#become(state === "available");
  }

  /** `pilot:online`, at this place if it is known. */
  async goOnline(vehicleId: string, here: Point | null): Promise<void> {
    await this.#wish(() => this.#sayOnline(vehicleId, here));
  }

  async goOffline(): Promise<void> {
    await this.#wish(async () => {
      await askAgain<Answer>(this.#connection, "pilot:offline");
      this.#become(false);
    });
  }

  /** Says it once more for a driver who is online: after an absence that was longer than the server waits, say. */
  async affirm(here: Point | null): Promise<void> {
    const wishes = this.#wishes;
    const wanted = () => this.online && wishes === this.#wishes;
    if (!wanted() || this.busy) return;
    try {
      await askAgain<Answer>(this.#connection, "pilot:online", whereabouts(here), wanted);
    } catch (error) {
      if (wanted() && error instanceof Refusal && error.code === "not_approved") this.#become(false);
    }
  }

  async #sayOnline(vehicleId: string, here: Point | null): Promise<void> {
    const vehicle = vehicleId.trim() ? { vehicleId: vehicleId.trim() } : {};
    await askAgain<Answer>(this.#connection, "pilot:online", { ...vehicle, ...whereabouts(here) });
    this.#become(true);
  }

  async #wish(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.said = "";
    this.#wishes += 1;
    try {
      await act();
    } catch (error) {
      this.said = error instanceof Refusal ? wordsFor(error) : "Something went wrong. Please try again.";
    } finally {
      this.busy = false;
      this.#wishes += 1;
    }
  }

  #become(online: boolean): void {
    this.online = online;
    if (online) sessionStorage.setItem(KEPT, "");
    else sessionStorage.removeItem(KEPT);
  }
}

function whereabouts(here: Point | null): Partial<Point> {
  return here ? { lat: here.lat, lng: here.lng } : {};
}
