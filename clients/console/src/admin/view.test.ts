import { describe, expect, it } from "vitest";
import type { Booking, Status } from "../contract";
import { dotsOf, inWorld } from "./view";

const HERE = { lat: 40.7, lng: -74 };
const THERE = { lat: 40.8, lng: -73.9 };
const NOBODY = { drivers: [], cells: [], total: 0, complete: true };

function job(status: Status, more: Partial<Booking> = {}): Booking {
  return {
    bookingId: status,
    bookingNumber: "WG-1",
    status,
    serviceType: "courier",
    vehicleType: null,
    pickup: { address: "1 Main St", ...HERE },
    dropoff: { address: "9 Dock Rd", ...THERE },
    items: null,
    notes: null,
    totalPrice: 1,
    paymentMethod: null,
    cashToCollect: null,
    pilot: null,
    createdAt: "",
    updatedAt: "",
    ...more,
  };
}

describe("a view, as the services understand it", () => {
  it("is left alone where it lies in the world", () => {
    const box = { west: -74, south: 40, east: -73, north: 41 };
    expect(inWorld(box)).toEqual(box);
    const east = { west: 100, south: 0, east: 180, north: 1 };
    expect(inWorld(east)).toEqual(east);
  });

  it("lies over the antimeridian with its west beyond its east", () => {
    expect(inWorld({ west: 175, south: 0, east: 185, north: 1 })).toMatchObject({ west: 175, east: -175 });
    expect(inWorld({ west: -190, south: 0, east: -170, north: 1 })).toMatchObject({ west: 170, east: -170 });
  });

  it("is once the world where it shows more of it", () => {
    const whole = { west: -180, south: -90, east: 180, north: 90 };
    expect(inWorld({ west: -400, south: -95, east: 200, north: 95 })).toEqual(whole);
    expect(inWorld({ west: -180, south: -90, east: 180, north: 90 })).toEqual(whole);
  });
});

describe("the dots of the live map", () => {
  it("are drivers by what they do: an offer before one is no job yet", () => {
    const drivers = (["idle", "offered", "busy"] as const).map((state) => ({
      id: state,
      state,
      vehicle_type: null,
      at: "",
      ...HERE,
    }));
    expect(dotsOf({ ...NOBODY, drivers }, []).map(({ id, kind }) => [id, kind])).toEqual([
      ["driver:idle", "idle"],
      ["driver:offered", "idle"],
      ["driver:busy", "busy"],
    ]);
  });

  it.each<[Status, string, object]>([
    ["pending", "search", HERE],
    ["accepted", "pickup", HERE],
    ["arrived", "pickup", HERE],
    ["in_progress", "dropoff", THERE],
  ])("show a job that is %s where it goes on: %s", (status, kind, place) => {
    expect(dotsOf(NOBODY, [job(status)])).toEqual([{ id: `booking:${status}`, kind, ...place }]);
  });

  it("show a job without a drop-off at its pickup, and none without either", () => {
    expect(dotsOf(NOBODY, [job("in_progress", { dropoff: null })])[0]).toMatchObject(HERE);
    expect(dotsOf(NOBODY, [job("pending", { pickup: { address: "1 Main St" } })])).toEqual([]);
  });
});
