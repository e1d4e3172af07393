import { describe, expect, it } from "vitest";
import { emptyForm, faultsOf, orderOf, type Form } from "./order";
import { isOpen, sendable } from "./sending";

const HERE = { lat: 40.75, lng: -73.97 };

function filled(more: Partial<Form> = {}): Form {
  const pickup = { address: " 1 Main St ", point: HERE };
  return { ...emptyForm(), serviceType: "courier", pickup, price: "42,50", ...more };
}

describe("an order", () => {
  it("says what was filled in, and null for what was not", () => {
    expect(orderOf(filled())).toEqual({
      service_type: "courier",
      vehicle_type: null,
      pickup: { address: "1 Main St", ...HERE },
      dropoff: null,
      items: null,
      notes: null,
      total_price: "42.50",
      payment_method: null,
      cash_to_collect: null,
    });
  });

  it.each([
    ["the price", "cash", "", "42.50"],
    ["what was said", "cash", "50", "50"],
    ["nothing, when it is not paid in cash", "card", "50", null],
  ])("has %s collected", (_, paymentMethod, cash, collected) => {
    expect(orderOf(filled({ paymentMethod, cash })).cash_to_collect).toBe(collected);
  });

  it("describes what is carried", () => {
    expect(orderOf(filled({ cargo: "3 boxes" })).items).toEqual({ description: "3 boxes" });
  });
});

describe("a form", () => {
  it("that is filled in has no faults", () => {
    expect(faultsOf(filled())).toEqual({});
  });

  it("that is empty lacks a service, a pickup and a price", () => {
    expect(Object.keys(faultsOf(emptyForm()))).toEqual(["serviceType", "pickup", "price"]);
  });

  it.each<[string, Partial<Form>, keyof Form]>([
    ["a pickup that is not on the map", { pickup: { address: "1 Main St", point: null } }, "pickup"],
    ["a drop-off without an address", { dropoff: { address: " ", point: HERE } }, "dropoff"],
    ["a drop-off that is not on the map", { dropoff: { address: "9 Dock Rd", point: null } }, "dropoff"],
    ["a price below nothing", { price: "-1" }, "price"],
    ["a price that is no number", { price: "1e3" }, "price"],
    ["thousandths", { price: "1.234" }, "price"],
    ["cash that is no number", { paymentMethod: "cash", cash: "much" }, "cash"],
  ])("does not take %s", (_, more, field) => {
    expect(Object.keys(faultsOf(filled(more)))).toEqual([field]);
  });
});

describe("the key of an order", () => {
  const order = orderOf(filled());

  it("stays the same for the same order", () => {
    const sent = sendable(null, order);
    expect(sendable(sent, orderOf(filled()))).toBe(sent);
  });

  it("is another one for another order, and for the next one", () => {
    const sent = sendable(null, order);
    expect(sendable(sent, orderOf(filled({ price: "43" }))).key).not.toBe(sent.key);
    expect(sendable(null, order).key).not.toBe(sent.key);
  });

  it("is kept for as long as the order may have arrived", () => {
    expect(["unreachable", "no_answer", "unavailable", "http_502"].every(isOpen)).toBe(true);
    expect(["unknown_service_type", "invalid", "forbidden"].some(isOpen)).toBe(false);
  });
});
