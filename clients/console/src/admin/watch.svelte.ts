import type { Connection } from "../connection.svelte";
import { serverNow } from "../clock";
import type { Stats } from "./figures";
import { added, NAMES, said, type Line } from "./stream";

/** What the admin's rooms are told: figures and assignments. Both are asked for again at each new connection. */
export class Watch {
  stats = $state.raw<Partial<Stats> | null>(null);
  lines = $state.raw<Line[]>([]);
  trouble = $state("");
  #count = 0;

  constructor(connection: Connection) {
    connection.on<Stats>("dashboard:stats", (stats) => (this.stats = stats));
    for (const name of NAMES) connection.on<Record<string, unknown>>(name, (told) => this.#take(name, told));
    connection.onConnect(() => void this.#subscribe(connection));
  }

  async #subscribe(connection: Connection): Promise<void> {
    try {
      const { stats } = await connection.ask<{ stats: Stats | null }>("admin:subscribe");
      if (stats) this.stats = stats; // null: they come as an event
      await connection.ask("admin:subscribe_assignments");
      this.trouble = "";
    } catch (error) {
      this.trouble = (error as Error).message;
    }
  }

  #take(name: string, told: Record<string, unknown>): void {
    const line = said(name, told);
    if (line) this.lines = added(this.lines, { ...line, key: this.#count++, at: serverNow() });
  }
}
