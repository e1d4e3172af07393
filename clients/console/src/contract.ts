/** What the services say, as docs/client-guide.md has it. Keys we do not use are left out; unknown ones may come. */

export type Role = "user" | "pilot" | "admin";

export type Status =
  "pending" | "accepted" | "en_route" | "arrived" | "in_progress" | "completed" | "cancelled" | "unfulfilled";

/** Degrees (WGS 84). */
export interface Point {
  lat: number;
  lng: number;
}

export interface Place extends Partial<Point> {
  address: string | null;
}

/** The driver of a booking, as its customer sees it. */
export interface Pilot {
  id: string;
  name: string | null;
  phone: string | null;
  avatar: string | null;
  rating: number | null;
}

/** A booking as the socket tells it (`booking:snapshot`, acks). Money is a number, times are RFC 3339 in UTC. */
export interface Booking {
  bookingId: string;
  bookingNumber: string;
  status: Status;
  serviceType: string;
  vehicleType: string | null;
  pickup: Place;
  dropoff: Place | null;
  items: unknown;
  notes: string | null;
  totalPrice: number;
  paymentMethod: string | null;
  cashToCollect: number | null;
  pilot: Pilot | null;
  createdAt: string;
  updatedAt: string;
}

/** `booking:offer`: a booking, and until when its driver may take it; null: its service type sets no end. */
export interface Offer extends Booking {
  offerId: string;
  expiresAt: string | null;
}

/** A job in the feed: `job:new`, and what `GET /v1/jobs/available` lists, without `lat`, `lng` and `expires_at`. */
export interface Job extends Partial<Point> {
  id: string;
  number: string;
  status: Status;
  service_type: string;
  vehicle_type: string | null;
  address: string | null;
  pickup: Place | null;
  dropoff: Place | null;
  items: unknown;
  notes: string | null;
  total_price: number;
  payment_method: string | null;
  cash_to_collect: number | null;
  created_at: string;
  updated_at: string;
  expires_at?: string | null;
}

/** `location:update` */
export interface Position extends Point {
  bookingId: string;
  heading: number | null;
  speed: number | null;
  timestamp: string;
}

export const OVER: ReadonlySet<Status> = new Set(["completed", "cancelled"]);
