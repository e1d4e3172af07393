import { expect, it } from "vitest";
import { pathOf, routeOf, type Route } from "./route";

const BASE = import.meta.env.BASE_URL;

it.each<Route>([
  { name: "live" },
  { name: "bookings" },
  { name: "booking", id: "018f-77" },
  { name: "drivers" },
  { name: "driver", id: "auth0|dan/1 ü" },
  { name: "service-types" },
])("finds $name by the address it has", (route) => {
  expect(routeOf(pathOf(route))).toEqual(route);
});

it.each(["", "nowhere", "nowhere/at/all", "%"])("shows the live map at %j", (path) => {
  expect(routeOf(BASE + path)).toEqual({ name: "live" });
});

it("does not fail at an id that is no encoded text", () => {
  expect(routeOf(`${BASE}drivers/100%`)).toEqual({ name: "driver", id: "100%" });
});
