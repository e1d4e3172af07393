import { describe, expect, it } from "vitest";
import type { Booking, Job, Offer } from "../contract";
import { CHANGES, dismissed, empty, listed, placed, shown, taken, type Worklist } from "./worklist";

const AT = "2026-11-20T12:00:00.000Z";
const LATER = "2026-11-20T12:00:05.000Z";

function booking(id: string, changed: Partial<Booking> = {}): Booking {
  return {
    bookingId: id,
    bookingNumber: `W-${id}`,
    status: "accepted",
    serviceType: "courier",
    vehicleType: null,
    pickup: { address: "1 Main St", lat: 40.75, lng: -73.99 },
    dropoff: null,
    items: null,
    notes: null,
    totalPrice: 42.5,
    paymentMethod: null,
    cashToCollect: null,
    pilot: null,
    createdAt: AT,
    updatedAt: AT,
    ...changed,
  };
}

function offer(id: string): Offer {
  return { ...booking(id, { status: "pending" }), offerId: `offer-${id}`, expiresAt: LATER };
}

function job(id: string, changed: Partial<Job> = {}): Job {
  return {
    id,
    number: `W-${id}`,
    status: "pending",
    service_type: "haul",
    vehicle_type: null,
    address: "1 Main St",
    pickup: { address: "1 Main St", lat: 40.75, lng: -73.99 },
    dropoff: null,
    items: null,
    notes: null,
    total_price: 80,
    payment_method: null,
    cash_to_collect: null,
    created_at: AT,
    updated_at: AT,
    expires_at: null,
    ...changed,
  };
}

const dan: Worklist = empty("dan");
const asked: Worklist = { ...dan, offers: [offer("1")], jobs: [job("2"), job("3")] };
const working: Worklist = { ...dan, bookings: [booking("1")] };
const ids = (list: Worklist) => list.jobs.map(({ id }) => id);

describe("an offer", () => {
  it("is there once, however often it is told", () => {
    const twice = CHANGES["booking:offer"](CHANGES["booking:offer"](dan, offer("1")), offer("1"));
    expect(twice.offers).toHaveLength(1);
  });

  it.each(["offer:expired", "offer:withdrawn"] as const)("leaves by %s", (event) => {
    expect(CHANGES[event](asked, { bookingId: "1" }).offers).toEqual([]);
    expect(CHANGES[event](asked, { bookingId: "unknown" })).toEqual(asked);
  });

  it("becomes a job when the server says so, with all that is known of it", () => {
    const list = taken(asked, "1");
    expect(list.offers).toEqual([]);
    expect(list.bookings).toMatchObject([{ bookingId: "1", status: "accepted", totalPrice: 42.5 }]);
    expect(taken(list, "1")).toEqual(list);
  });
});

describe("the feed", () => {
  it("takes a job once, and keeps the others", () => {
    expect(ids(CHANGES["job:new"](asked, job("3")))).toEqual(["2", "3"]);
    expect(ids(CHANGES["job:new"](asked, job("4")))).toEqual(["2", "3", "4"]);
  });

  it("loses what another driver has accepted, and what is closed", () => {
    const taken = CHANGES["job:accepted"](asked, { job_id: "2", status: "accepted", driver_id: "eve" });
    expect([ids(taken), taken.bookings]).toEqual([["3"], []]);
    expect(ids(CHANGES["job:closed"](taken, { job_id: "3", status: "cancelled", driver_id: null }))).toEqual(
      [],
    );
  });

  it("gives its driver the job that it hears it has accepted, though no answer has come", () => {
    const list = CHANGES["job:accepted"](asked, { job_id: "2", status: "accepted", driver_id: "dan" });
    expect(list.bookings).toMatchObject([{ bookingId: "2", bookingNumber: "W-2", serviceType: "haul" }]);
    expect(ids(list)).toEqual(["3"]);
  });

  it("is what it was asked for, and what only some drivers are asked", () => {
    const group = job("5", { expires_at: LATER });
    expect(ids(listed({ ...dan, jobs: [job("2"), group] }, [job("9")]))).toEqual(["9", "5"]);
    expect(ids(listed({ ...dan, jobs: [group] }, [group]))).toEqual(["5"]);
  });

  it("knows where a job is that HTTP has listed", () => {
    expect(placed(job("2"))).toMatchObject({ lat: 40.75, lng: -73.99 });
    expect(placed(job("2", { pickup: null }))).not.toHaveProperty("lat");
  });
});

describe("a job", () => {
  it("goes on by its status, and not back by an older one", () => {
    const status = (list: Worklist, status: Booking["status"], timestamp: string) =>
      CHANGES["booking:status"](list, { bookingId: "1", status, timestamp });
    const later = status(working, "en_route", LATER);
    expect(later.bookings[0]).toMatchObject({ status: "en_route", updatedAt: LATER });
    expect(status(later, "accepted", AT)).toEqual(later);
  });

  it("is taken by a status that comes before the answer", () => {
    const event = { bookingId: "1", status: "accepted" as const, timestamp: LATER };
    expect(CHANGES["booking:status"](asked, event)).toMatchObject({
      offers: [],
      bookings: [{ bookingId: "1" }],
    });
  });

  it("keeps a status that only a newer server knows", () => {
    const paused = shown(working, booking("1", { status: "paused" as Booking["status"] }));
    expect(paused.bookings[0]?.status).toBe("paused");
  });

  it("that is cancelled ends, and is said once", () => {
    const event = { bookingId: "1", status: "cancelled" as const, timestamp: LATER };
    const list = CHANGES["booking:status"](working, event);
    expect(list).toMatchObject({ bookings: [], ended: [{ bookingNumber: "W-1", how: "cancelled" }] });
    expect(CHANGES["booking:released"](list, { bookingId: "1", reason: "job_cancelled" })).toEqual(list);
    expect(dismissed(list, "1").ended).toEqual([]);
  });

  it("that is cancelled before the answer to its acceptance has come ends too", () => {
    const list = CHANGES["booking:released"](asked, { bookingId: "1", reason: "job_cancelled" });
    expect(list).toMatchObject({ offers: [], ended: [{ how: "cancelled" }] });
    expect(taken(list, "1")).toEqual(list);
  });

  it("that is completed says what was to be collected", () => {
    const paid = { ...dan, bookings: [booking("1", { cashToCollect: 42.5 })] };
    expect(shown(paid, booking("1", { status: "completed" })).ended).toMatchObject([
      { how: "completed", cash: 42.5 },
    ]);
  });
});

describe("a snapshot", () => {
  it("replaces everything", () => {
    const told = { bookings: [booking("7")], offers: [offer("8")], jobs: [job("9")] };
    const list = CHANGES["booking:snapshot"](asked, told);
    expect(list).toMatchObject({ bookings: [{ bookingId: "7" }], offers: [{ bookingId: "8" }] });
    expect(ids(list)).toEqual(["9"]);
  });

  it("of a driver who is not known yet has bookings alone", () => {
    expect(CHANGES["booking:snapshot"](asked, { bookings: [] })).toEqual(dan);
  });

  it("says of a job that it leaves out that it is gone; how it ended is learnt later, and whether it is back", () => {
    const gone = CHANGES["booking:snapshot"](working, { bookings: [] });
    expect(gone).toMatchObject({ bookings: [], ended: [{ how: "gone" }] });
    expect(shown(gone, booking("1", { status: "cancelled" })).ended).toMatchObject([{ how: "cancelled" }]);
    expect(shown(gone, booking("1"))).toMatchObject({ bookings: [{ bookingId: "1" }], ended: [] });
  });
});
