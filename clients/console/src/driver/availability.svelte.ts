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
  /** Counts what the driver wished, so that nothing said on its own undoes it. */
  #wishes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** By `GET /v1/drivers/me`. Of a busy one it does not say what comes after the job: then it is as this tab knew it. */
  learn({ state }: DriverProfile): void {
    if (this.busy) return;
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
