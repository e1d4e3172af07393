import { call } from "../http";
import { Refusal } from "../refusal";

/** A driver as it sees itself: `GET /v1/drivers/me`. */
export interface DriverProfile {
  id: string;
  name: string;
  phone: string | null;
  avatar: string | null;
  vehicle_type: string | null;
  truck_type: string | null;
  approved: boolean;
  state: "offline" | "available" | "busy";
  rating: number | null;
  completed_jobs: number;
  acceptance_rate: number | null;
}

/** What a driver says of itself. */
export type Description = Pick<DriverProfile, "name" | "phone" | "vehicle_type">;

const PATH = "/v1/drivers/me";

export class Profile {
  me = $state.raw<DriverProfile | null>(null);
  /** Whether it is known who this is, if anybody. */
  known = $state(false);
  /** Why it could not be read. */
  said = $state("");

  /** What the service says, or null when it cannot be read or nobody is known. */
  async load(): Promise<DriverProfile | null> {
    try {
      this.me = await call<DriverProfile>(PATH);
      this.known = true;
      this.said = "";
      return this.me;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === "not_found") this.known = true;
      else this.said = error.message;
      return null;
    }
  }

  /** The route sets all of a profile, so what is not described here goes back as it is. Throws a `Refusal`. */
  async describe(description: Description): Promise<void> {
    const { avatar = null, truck_type = null } = this.me ?? {};
    const body = { avatar, truck_type, ...description };
    this.me = await call<DriverProfile>(PATH, { method: "PUT", body });
    this.known = true;
  }
}
