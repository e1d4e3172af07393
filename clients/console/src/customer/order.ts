import type { Place, Point } from "../contract";

/** A place as it is being filled in. */
export interface Spot {
  address: string;
  point: Point | null;
}

/** The order as it is being filled in: texts, as the fields have them. */
export interface Form {
  serviceType: string;
  vehicleType: string;
  pickup: Spot;
  dropoff: Spot;
  cargo: string;
  price: string;
  paymentMethod: string;
  cash: string;
  notes: string;
}

/** What `POST /v1/bookings` takes. Money is a text, so that nothing is rounded on the way. */
export interface Order {
  service_type: string;
  vehicle_type: string | null;
  pickup: Place;
  dropoff: Place | null;
  items: { description: string } | null;
  notes: string | null;
  total_price: string;
  payment_method: string | null;
  cash_to_collect: string | null;
}

/** What is wrong, by field, in words. */
export type Faults = Partial<Record<keyof Form, string>>;

export const CASH = "cash";

const MONEY = /^\d{1,10}([.,]\d{1,2})?$/;
const NO_MONEY = "Enter an amount, as 12 or 12.50.";

export function emptyForm(): Form {
  return {
    serviceType: "",
    vehicleType: "",
    pickup: { address: "", point: null },
    dropoff: { address: "", point: null },
    cargo: "",
    price: "",
    paymentMethod: "",
    cash: "",
    notes: "",
  };
}

/** Without a drop-off there is nothing to say of it; half a one is a mistake. */
export function faultsOf(form: Form): Faults {
  const faults: Faults = {};
  if (!form.serviceType.trim()) faults.serviceType = "Choose a service.";
  const pickup = faultOf(form.pickup);
  if (pickup) faults.pickup = pickup;
  const dropoff = isBlank(form.dropoff) ? null : faultOf(form.dropoff);
  if (dropoff) faults.dropoff = dropoff;
  if (!MONEY.test(form.price.trim())) faults.price = NO_MONEY;
  if (form.paymentMethod === CASH && form.cash.trim() && !MONEY.test(form.cash.trim()))
    faults.cash = NO_MONEY;
  return faults;
}

function isBlank({ address, point }: Spot): boolean {
  return !address.trim() && !point;
}

function faultOf({ address, point }: Spot): string | null {
  if (!address.trim()) return "Enter the address.";
  return point ? null : "Show the place on the map.";
}

/** Only of a form without faults. In cash the whole price is collected, unless it says otherwise. */
export function orderOf(form: Form): Order {
  const price = amount(form.price);
  return {
    service_type: form.serviceType.trim(),
    vehicle_type: given(form.vehicleType),
    pickup: placeOf(form.pickup),
    dropoff: isBlank(form.dropoff) ? null : placeOf(form.dropoff),
    items: form.cargo.trim() ? { description: form.cargo.trim() } : null,
    notes: given(form.notes),
    total_price: price,
    payment_method: given(form.paymentMethod),
    cash_to_collect:
      form.paymentMethod === CASH ? (given(form.cash) === null ? price : amount(form.cash)) : null,
  };
}

function placeOf({ address, point }: Spot): Place {
  return { address: address.trim(), ...point };
}

function given(text: string): string | null {
  return text.trim() || null;
}

function amount(text: string): string {
  return text.trim().replace(",", ".");
}
