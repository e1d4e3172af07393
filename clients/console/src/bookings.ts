import type { Booking, Pilot, Place, Point, Status } from "./contract";
import { call } from "./http";

/** A job as HTTP has it. */
export interface Row {
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
  driver: Pilot | null;
  created_at: string;
  updated_at: string;
}

/** A position of a job's track. */
export interface Recorded extends Point {
  recorded_at: string;
}

/** Newest first; `next` goes into `before`. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

/** HTTP's snake_case in the socket's words, so that the screens know one kind of booking. */
export function bookingOf(row: Row): Booking {
  return {
    bookingId: row.id,
    bookingNumber: row.number,
    status: row.status,
    serviceType: row.service_type,
    vehicleType: row.vehicle_type,
    pickup: row.pickup ?? { address: row.address },
    dropoff: row.dropoff,
    items: row.items,
    notes: row.notes,
    totalPrice: row.total_price,
    paymentMethod: row.payment_method,
    cashToCollect: row.cash_to_collect,
    pilot: row.driver,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export async function booking(id: string): Promise<Booking> {
  return bookingOf(await call<Row>(`/v1/bookings/${encodeURIComponent(id)}`));
}
