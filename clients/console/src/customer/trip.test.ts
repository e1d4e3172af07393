import { describe, expect, it } from "vitest";
import type { Booking, Pilot, Status } from "../contract";
import { assigned, merged, moved, searched, sorted, stepped, type Trip } from "./trip";

const DAN: Pilot = { id: "dan", name: "Dan", phone: "+1555", avatar: null, rating: 4.9 };

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 21) + seconds * 1000).toISOString();

function booked(status: Status = "pending", seconds = 0, more: Partial<Booking> = {}): Booking {
  return {
    bookingId: "b1",
    bookingNumber: "WG-1",
    status,
    serviceType: "courier",
    vehicleType: null,
    pickup: { address: "1 Main St", lat: 40.75, lng: -73.97 },
    dropoff: null,
    items: null,
    notes: null,
    totalPrice: 10,
    paymentMethod: null,
    cashToCollect: null,
    pilot: null,
    createdAt: at(0),
    updatedAt: at(seconds),
    ...more,
  };
}

const trip = (...told: Parameters<typeof booked>): Trip => merged(undefined, booked(...told));

describe("what a booking is said to be", () => {
  it("replaces what was said before", () => {
    expect(merged(trip("accepted", 1), booked("arrived", 3)).booking.status).toBe("arrived");
  });

  it("does not, when it is an answer from before what we heard", () => {
    expect(merged(trip("arrived", 3), booked("accepted", 1)).booking.status).toBe("arrived");
  });

  it("does not take the driver away again that was told ahead of the booking's own change", () => {
    const told = assigned(trip("pending", 0), { pilot: DAN });
    expect(merged(told, booked("pending", 0)).booking).toMatchObject({ status: "accepted", pilot: DAN });
  });

  it("may lack a pickup", () => {
    const without = { pickup: null } as unknown as Partial<Booking>;
    expect(trip("pending", 0, without).booking.pickup).toEqual({ address: null });
  });
});

describe("a step", () => {
  it("is taken", () => {
    const now = stepped(trip("accepted", 1), { status: "en_route", timestamp: at(2) });
    expect(now.booking).toMatchObject({ status: "en_route", updatedAt: at(2) });
  });

  it("is not, when it is older than what is known", () => {
    expect(stepped(trip("arrived", 3), { status: "en_route", timestamp: at(2) }).booking.status).toBe(
      "arrived",
    );
  });

  it("of a server newer than we are is kept as it is", () => {
    const status = "resting" as Status;
    expect(stepped(trip("accepted", 1), { status, timestamp: at(2) }).booking.status).toBe(status);
  });
});

describe("an assignment", () => {
  it("says who comes", () => {
    expect(assigned(trip("pending"), { pilot: DAN }).booking).toMatchObject({
      status: "accepted",
      pilot: DAN,
    });
  });

  it("that a cancel overtook says nothing", () => {
    const cancelled = trip("cancelled", 1);
    expect(assigned(cancelled, { pilot: DAN })).toBe(cancelled);
  });
});

describe("a search", () => {
  it("shows the last message, and how many drivers were tried", () => {
    let now = searched(trip(), { message: "Finding a driver for you..." }, true);
    expect(now.search?.tried).toBe(0);
    now = searched(now, { message: "Offer sent to driver 2...", pilotNumber: 2 });
    now = searched(now, { message: "Driver declined. Finding another driver..." });
    expect(now.search).toMatchObject({ message: "Driver declined. Finding another driver...", tried: 2 });
  });

  it("that failed says what may be done", () => {
    const failed = searched(trip(), { message: "None", canRetry: true, canCancel: false });
    expect(failed.search).toMatchObject({ canRetry: true, canCancel: false });
  });

  it("begins with nobody tried when it is repeated", () => {
    const failed = searched(trip("unfulfilled", 1), { message: "None", pilotNumber: 4 });
    expect(stepped(failed, { status: "pending", timestamp: at(2) }).search).toBeNull();
    expect(searched(failed, { message: "Searching for drivers again..." }, true).search?.tried).toBe(0);
  });
});

describe("the driver's position", () => {
  const here = { lat: 40.76, lng: -73.96 };

  it("is shown while there is a driver", () => {
    expect(moved(trip("en_route", 1), here, at(2)).seen).toEqual({ ...here, at: Date.parse(at(2)) });
    expect(moved(trip("pending", 1), here, at(2)).seen).toBeNull();
  });

  it("does not jump back to an older one", () => {
    const now = moved(trip("en_route", 1), here, at(5));
    expect(moved(now, { lat: 0, lng: 0 }, at(4))).toBe(now);
  });

  it("goes when the booking is over", () => {
    const now = moved(trip("in_progress", 1), here, at(5));
    expect(stepped(now, { status: "completed", timestamp: at(6) }).seen).toBeNull();
  });
});

it("lists those under way first, each part newest first", () => {
  const trips = [
    trip("completed", 0, { bookingId: "old" }),
    trip("pending", 0, { bookingId: "first", createdAt: at(1) }),
    trip("cancelled", 0, { bookingId: "new", createdAt: at(2) }),
    trip("unfulfilled", 0, { bookingId: "second", createdAt: at(3) }),
  ];
  const { open, past } = sorted(trips);
  expect(open.map(({ booking }) => booking.bookingId)).toEqual(["second", "first"]);
  expect(past.map(({ booking }) => booking.bookingId)).toEqual(["new", "old"]);
});
