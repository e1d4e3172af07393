/** Money as people read it; the amount's currency is the operator's. */
export function money(amount: number | null): string {
  return amount === null ? "" : Number(amount).toFixed(2);
}

/** A time of day, with the date if it is not today's. */
export function timeOf(text: string, now = new Date()): string {
  const then = new Date(text);
  const time = { hour: "2-digit", minute: "2-digit" } as const;
  if (then.toDateString() === now.toDateString()) return then.toLocaleTimeString([], time);
  return then.toLocaleString([], { day: "numeric", month: "short", ...time });
}

/** A service's or a payment's name, as a person writes it. */
export function titled(name: string): string {
  const spaced = name.replace(/[_-]+/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** What an order's `items` say; ours have a description, others' what they like. */
export function cargoOf(items: unknown): string {
  if (typeof items !== "object" || items === null) return "";
  const { description, ...others } = items as Record<string, unknown>;
  const rest = Object.entries(others).map(([name, value]) => `${titled(name)}: ${plain(value)}`);
  return [...(description ? [plain(description)] : []), ...rest].join("\n");
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
