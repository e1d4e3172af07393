/** A notification: `data` says what it is about. */
export interface Notification {
  id: string;
  title: string;
  body: string;
  type: string;
  data: Record<string, string>;
  createdAt: string;
  read: boolean;
}

/** As HTTP has it. */
export interface NotificationRow extends Omit<Notification, "createdAt" | "read"> {
  created_at: string;
  read_at: string | null;
}

export function notificationOf(row: NotificationRow): Notification {
  const { id, title, body, type, data, created_at, read_at } = row;
  return { id, title, body, type, data, createdAt: created_at, read: read_at !== null };
}

/** Both, newest first, each once; once read is read. */
export function joined(some: readonly Notification[], others: readonly Notification[]): Notification[] {
  const all = new Map<string, Notification>();
  for (const one of [...some, ...others])
    all.set(one.id, { ...one, read: one.read || (all.get(one.id)?.read ?? false) });
  return [...all.values()].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}
