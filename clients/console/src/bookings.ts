import type { Booking, Job, Pilot, Point } from "./contract";
import { call } from "./http";

/** A booking as HTTP has it. */
export interface Row extends Job {
  driver: Pilot | null;
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
