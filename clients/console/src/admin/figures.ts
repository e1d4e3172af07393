/** `dashboard:stats`; keys that a newer server adds are not shown. */
export interface Stats {
  activeBookings: number;
  onlinePilots: number;
  busyPilots: number;
  pendingSearches: number;
  assignedSearches: number;
  failedSearches: number;
  successRate: number | null;
  assignedLastHour: number;
}

/** Each figure with what people call it. Nothing is said of what is not known. */
export function figures(stats: Partial<Stats> | null): [label: string, value: string][] {
  const rate = stats?.successRate;
  return [
    ["Bookings under way", number(stats?.activeBookings)],
    ["Drivers online", number(stats?.onlinePilots)],
    ["On a job", number(stats?.busyPilots)],
    ["Searches running", number(stats?.pendingSearches)],
    ["Assigned, last hour", number(stats?.assignedLastHour)],
    ["In vain, 24 h", number(stats?.failedSearches)],
    ["Success, 24 h", rate === null || rate === undefined ? "–" : `${(rate * 100).toFixed(1)} %`],
  ];
}

function number(value: number | undefined): string {
  return value === undefined ? "–" : value.toLocaleString("en");
}
