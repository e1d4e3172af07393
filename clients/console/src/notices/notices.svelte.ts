import type { Connection } from "../connection.svelte";
import { call } from "../http";
import { joined, notificationOf, type Notification, type NotificationRow } from "./notices";

interface Page {
  items: NotificationRow[];
  next: string | null;
  unread: number;
}

const SHOWN_MS = 8_000;
const PATH = "/v1/notifications";

/** What a person is told, and was. */
export class Notices {
  all = $state.raw<Notification[]>([]);
  /** Those just told, until they fade or are put away. */
  toasts = $state.raw<Notification[]>([]);
  unread = $state(0);
  next = $state<string | null>(null);
  known = $state(false);
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(connection: Connection) {
    connection.onConnect(() => void this.#refresh());
    connection.on<Omit<Notification, "read">>("notification", (told) => this.#tell({ ...told, read: false }));
  }

  /** Throws a `Refusal`. */
  async more(): Promise<void> {
    const page = await call<Page>(`${PATH}?before=${this.next}`);
    this.all = joined(this.all, page.items.map(notificationOf));
    this.next = page.next;
    this.unread = page.unread;
  }

  /** Throws a `Refusal`. */
  async read({ id }: Notification): Promise<void> {
    const told = notificationOf(await call<NotificationRow>(`${PATH}/${id}/read`, { method: "POST" }));
    if (this.all.some((one) => one.id === id && !one.read)) this.unread = Math.max(0, this.unread - 1);
    this.all = joined(this.all, [told]);
  }

  /** Throws a `Refusal`. */
  async readAll(): Promise<void> {
    const meant = new Set(this.all.map(({ id }) => id));
    await call(`${PATH}/read-all`, { method: "POST" });
    this.all = this.all.map((one) => (meant.has(one.id) ? { ...one, read: true } : one));
    this.unread = this.all.filter(({ read }) => !read).length;
  }

  put({ id }: Notification): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.toasts = this.toasts.filter((one) => one.id !== id);
  }

  close(): void {
    this.#timers.forEach((timer) => clearTimeout(timer));
  }

  #tell(told: Notification): void {
    if (this.all.some(({ id }) => id === told.id)) return;
    this.all = joined(this.all, [told]);
    this.unread += 1;
    this.toasts = [...this.toasts, told].slice(-3);
    this.#timers.set(
      told.id,
      setTimeout(() => this.put(told), SHOWN_MS),
    );
  }

  async #refresh(): Promise<void> {
    try {
      const page = await call<Page>(PATH);
      const told = new Set(page.items.map(({ id }) => id));
      const since = this.all.filter(({ id, read }) => !told.has(id) && !read && this.#timers.has(id));
      if (!this.known) this.next = page.next;
      this.all = joined(this.all, page.items.map(notificationOf));
      this.unread = page.unread + since.length;
      this.known = true;
    } catch {
      // The next connect asks again.
    }
  }
}
