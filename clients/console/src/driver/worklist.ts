import { bookingOf } from "../bookings";
import { OVER, type Booking, type Job, type Offer, type Status } from "../contract";

/** A job that this driver had, and has no longer. `gone`: nobody told why, as after a long absence. */
export interface Ended {
  bookingId: string;
  bookingNumber: string;
  how: "completed" | "cancelled" | "gone";
  cash: Booking["cashToCollect"];
}

/** All that is before a driver: what it is on, what it alone is asked, the feed, and what has just ended. */
export interface Worklist {
  me: string;
  bookings: readonly Booking[];
  offers: readonly Offer[];
  jobs: readonly Job[];
  ended: readonly Ended[];
}

export function empty(me: string): Worklist {
  return { me, bookings: [], offers: [], jobs: [], ended: [] };
}

interface Snapshot {
  bookings: Booking[];
  offers?: Offer[];
  jobs?: Job[];
}

interface FeedEvent {
  job_id: string;
  status: Status;
  driver_id: string | null;
}

/** What each event makes of the list; docs/client-guide.md, "What the apps are told". */
export const CHANGES = {
  "booking:snapshot": (list: Worklist, { bookings, offers = [], jobs = [] }: Snapshot) => {
    const open = bookings.filter(({ status }) => !OVER.has(status));
    const lost = list.bookings.filter((one) => !open.some(({ bookingId }) => bookingId === one.bookingId));
    return { ...list, bookings: open, offers, jobs, ended: [...list.ended, ...lost.map(endOf("gone"))] };
  },
  "booking:offer": (list: Worklist, offer: Offer) => ({
    ...list,
    offers: [...list.offers.filter(({ bookingId }) => bookingId !== offer.bookingId), offer],
  }),
  "job:new": (list: Worklist, job: Job) => ({
    ...list,
    jobs: [...list.jobs.filter(({ id }) => id !== job.id), job],
  }),
  "offer:expired": (list: Worklist, { bookingId }: { bookingId: string }) => without(list, bookingId),
  "offer:withdrawn": (list: Worklist, { bookingId }: { bookingId: string }) => without(list, bookingId),
  "job:accepted": (list: Worklist, event: FeedEvent) =>
    event.driver_id === list.me ? taken(list, event.job_id) : without(list, event.job_id),
  "job:closed": (list: Worklist, { job_id }: FeedEvent) => without(list, job_id),
  "booking:status": (
    list: Worklist,
    { bookingId, status, timestamp }: { bookingId: string; status: Status; timestamp: string },
  ) => {
    const ours = OVER.has(status) ? list : taken(list, bookingId);
    const booking = ours.bookings.find((one) => one.bookingId === bookingId);
    return booking ? shown(ours, { ...booking, status, updatedAt: timestamp }) : ours;
  },
  "booking:released": (list: Worklist, { bookingId, reason }: { bookingId: string; reason: string }) =>
    ended(list, bookingId, reason === "job_cancelled" ? "cancelled" : "gone"),
};

/** An offer or a job of the feed is no longer to be had. */
export function without(list: Worklist, id: string): Worklist {
  return {
    ...list,
    offers: list.offers.filter(({ bookingId }) => bookingId !== id),
    jobs: list.jobs.filter((job) => job.id !== id),
  };
}

/** The server says that this driver has it. What is not in the list stays unknown. */
export function taken(list: Worklist, id: string): Worklist {
  const job = list.jobs.find((one) => one.id === id);
  const asked =
    list.offers.find(({ bookingId }) => bookingId === id) ?? (job && bookingOf({ ...job, driver: null }));
  return asked ? shown(without(list, id), { ...asked, status: "accepted" }) : list;
}

/** What somebody says one of our bookings is; what we heard later stays. */
export function shown(list: Worklist, booking: Booking): Worklist {
  const { bookingId, status } = booking;
  const before = list.bookings.find((one) => one.bookingId === bookingId);
  if (before && Date.parse(before.updatedAt) > Date.parse(booking.updatedAt)) return list;
  if (status === "completed" || status === "cancelled") return ended(list, bookingId, status);
  const bookings = before
    ? list.bookings.map((one) => (one === before ? booking : one))
    : [...list.bookings, booking];
  return { ...list, bookings, ended: list.ended.filter((one) => one.bookingId !== bookingId) };
}

/** It is no longer this driver's. Said once, however often it is told; how it ended may be learnt later. */
export function ended(list: Worklist, id: string, how: Ended["how"]): Worklist {
  const had = [...list.bookings, ...list.offers].find(({ bookingId }) => bookingId === id);
  const bookings = list.bookings.filter(({ bookingId }) => bookingId !== id);
  const rest = without({ ...list, bookings }, id);
  if (had) return { ...rest, ended: [...rest.ended, endOf(how)(had)] };
  return {
    ...rest,
    ended: rest.ended.map((one) => (one.bookingId === id && one.how === "gone" ? { ...one, how } : one)),
  };
}

/** The feed as it was asked for. A job for some drivers at a time (it has an end) is not in the answer, and stays. */
export function listed(list: Worklist, jobs: readonly Job[]): Worklist {
  const kept = list.jobs.filter((job) => job.expires_at && !jobs.some(({ id }) => id === job.id));
  return { ...list, jobs: [...jobs, ...kept] };
}

/** A job as HTTP lists it, with the position of its pickup as the event has it. */
export function placed(job: Job): Job {
  const { lat, lng } = job.pickup ?? {};
  return lat === undefined || lng === undefined ? job : { ...job, lat, lng };
}

/** What is shown only to who is online. */
export function offDuty(list: Worklist): Worklist {
  return { ...list, offers: [], jobs: [] };
}

export function dismissed(list: Worklist, id: string): Worklist {
  return { ...list, ended: list.ended.filter(({ bookingId }) => bookingId !== id) };
}

function endOf(how: Ended["how"]): (booking: Booking) => Ended {
  return ({ bookingId, bookingNumber, cashToCollect }) => ({
    bookingId,
    bookingNumber,
    how,
    cash: cashToCollect,
  });
}
