/** Which of the admin's screens an address names. */
export type Route =
  | { name: "live" }
  | { name: "bookings" }
  | { name: "booking"; id: string }
  | { name: "drivers" }
  | { name: "driver"; id: string }
  | { name: "service-types" };

const BASE = import.meta.env.BASE_URL;

/** An address that names nothing we know is the live map. */
export function routeOf(path: string): Route {
  const [name, id] = path.slice(BASE.length).split("/");
  if (name === "bookings") return id ? { name: "booking", id: decoded(id) } : { name };
  if (name === "drivers") return id ? { name: "driver", id: decoded(id) } : { name };
  if (name === "service-types") return { name };
  return { name: "live" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody has typed it
  }
}

export function pathOf(route: Route): string {
  switch (route.name) {
    case "live":
      return BASE;
    case "booking":
      return `${BASE}bookings/${encodeURIComponent(route.id)}`;
    case "driver":
      return `${BASE}drivers/${encodeURIComponent(route.id)}`;
    default:
      return BASE + route.name;
  }
}
