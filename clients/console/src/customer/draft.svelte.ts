import type { Booking } from "../contract";
import { Refusal } from "../refusal";
import { place } from "./api";
import { emptyForm, orderOf, type Form } from "./order";
import { isOpen, sendable, type Sent } from "./sending";

/** The order being written. A reload finds it, and its key, for as long as nobody knows whether it was placed. */
export class Draft {
  form = $state<Form>(emptyForm());
  busy = $state(false);
  /** It was sent, and no answer came. */
  open = $state(false);
  readonly #name: string;
  #sent: Sent | null = null;

  constructor(sub: string) {
    this.#name = `waggle.order.${sub}`;
    const kept = sessionStorage.getItem(this.#name);
    if (kept === null) return;
    const { form, sent } = JSON.parse(kept) as { form: Form; sent: Sent };
    this.form = form;
    this.#sent = sent;
    this.open = true;
  }

  /** Places the order. Throws a `Refusal`; then the form is as it was. */
  async send(): Promise<Booking> {
    const order = orderOf(this.form);
    this.#sent = sendable(this.#sent, order);
    sessionStorage.setItem(this.#name, JSON.stringify({ form: this.form, sent: this.#sent }));
    this.busy = true;
    try {
      const booking = await place(order, this.#sent.key);
      this.#settled();
      this.form = emptyForm();
      return booking;
    } catch (error) {
      const refusal =
        error instanceof Refusal ? error : new Refusal("no_answer", "No answer. Please try again.");
      this.open = isOpen(refusal.code);
      if (!this.open) this.#settled();
      throw refusal;
    } finally {
      this.busy = false;
    }
  }

  #settled(): void {
    this.#sent = null;
    this.open = false;
    sessionStorage.removeItem(this.#name);
  }
}
