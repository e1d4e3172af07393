/** Which of the customer's screens an address names. Deep links work: every address below the base serves the page. */
export type Route =
  { name: "order" } | { name: "bookings" } | { name: "booking"; id: string } | { name: "messages" };

const BASE = import.meta.env.BASE_URL;

/** An address that names nothing we know is the first screen. */
export function routeOf(path: string): Route {
  const [name, id] = path.slice(BASE.length).split("/");
  if (name === "bookings" && id) return { name: "booking", id: decodeURIComponent(id) };
  if (name === "bookings" || name === "messages") return { name };
  return { name: "order" };
}

export function pathOf(route: Route): string {
  switch (route.name) {
    case "order":
      return BASE;
    case "booking":
      return `${BASE}bookings/${encodeURIComponent(route.id)}`;
    default:
      return BASE + route.name;
  }
}
