import type { Connection } from "../connection.svelte";
import type { Point } from "../contract";
import { fixOf, isDue, type Fix, type Told } from "./position";

const LOOK_MS = 1_000;
const KEPT = "waggle.place";

/** Where a driver is: as the device says, or where it was put on the map. */
export class Whereabouts {
  here = $state.raw<Fix | null>(null);
  source = $state<"device" | "map">("device");
  /** Why the device does not say it. */
  refused = $state("");
  #watch: number | undefined;
  #told: Told | null = null;

  constructor() {
    const kept = sessionStorage.getItem(KEPT);
    if (kept) this.put(JSON.parse(kept) as Point);
  }

  /** Asks the device from now on; the browser may ask the person first. Comes back with the first answer, whatever it is. */
  async follow(): Promise<void> {
    if (this.#watch !== undefined || this.source === "map") return;
    if (!("geolocation" in navigator)) {
      this.refused = "This browser cannot tell where you are.";
      return;
    }
    await new Promise<void>((answered) => {
      this.#watch = navigator.geolocation.watchPosition(
        ({ coords }) => answered(this.#take(fixOf(coords))),
        (error) => answered(this.#fail(error)),
        { enableHighAccuracy: true, maximumAge: LOOK_MS },
      );
    });
  }

  /** By hand. It is kept for this tab, so that a reload does not lose it. */
  put(place: Point): void {
    this.#stopWatching();
    this.source = "map";
    this.here = { lat: place.lat, lng: place.lng };
    this.#told = null;
    sessionStorage.setItem(KEPT, JSON.stringify(this.here));
  }

  /** By the device again. */
  async release(): Promise<void> {
    this.source = "device";
    this.here = null;
    sessionStorage.removeItem(KEPT);
    await this.follow();
  }

  /** Tells each position that is due, once a second at most. Gives what stops it. */
  share(connection: Connection, duty: () => "none" | "idle" | "job"): () => void {
    const timer = setInterval(() => {
      const [here, now] = [this.here, Date.now()];
      if (!here || duty() === "none" || !connection.connected) return;
      if (!isDue(this.#told, here, now, duty() === "job")) return;
      connection.mention("pilot:location", here);
      this.#told = { ...here, at: now };
    }, LOOK_MS);
    return () => {
      clearInterval(timer);
      this.#stopWatching();
    };
  }

  #take(fix: Fix): void {
    this.here = fix;
    this.refused = "";
  }

  #fail({ code, PERMISSION_DENIED }: GeolocationPositionError): void {
    const denied = code === PERMISSION_DENIED;
    if (denied) this.#stopWatching();
    this.refused = denied
      ? "This browser may not tell where you are."
      : "The device cannot tell just now where you are.";
  }

  #stopWatching(): void {
    if (this.#watch !== undefined) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = undefined;
  }
}
