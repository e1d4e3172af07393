/** What the map draws, each with its variable in theme.css. */
export const VARIABLES = {
  ground: "--map-ground",
  cell: "--map-cell",
  idle: "--map-idle",
  busy: "--map-busy",
  search: "--map-search",
  pickup: "--map-pickup",
  dropoff: "--map-dropoff",
  halo: "--map-halo",
} as const;

export type Colours = Record<keyof typeof VARIABLES, string>;

/** The variables as they are in the theme of this moment. WebGL takes no `light-dark()`, so an element works it out. */
export function coloursNow(within: HTMLElement): Colours {
  const probe = document.createElement("i");
  within.append(probe);
  const resolved = Object.entries(VARIABLES).map(([name, variable]) => {
    probe.style.color = `var(${variable})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(resolved) as Colours;
}
