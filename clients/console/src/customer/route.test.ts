import { expect, it } from "vitest";
import { pathOf, routeOf, type Route } from "./route";

const BASE = import.meta.env.BASE_URL;

it.each<Route>([
  { name: "order" },
  { name: "bookings" },
  { name: "booking", id: "0197" },
  { name: "booking", id: "a/b" },
  { name: "messages" },
])("finds its way back: %o", (route) => {
  expect(routeOf(pathOf(route))).toEqual(route);
});

it("shows the first screen for an address that nobody knows", () => {
  expect(routeOf(`${BASE}elsewhere/1`)).toEqual({ name: "order" });
});

it("shows all bookings for the address of none", () => {
  expect(routeOf(`${BASE}bookings/`)).toEqual({ name: "bookings" });
});
