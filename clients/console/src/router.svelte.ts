/** Where a person is, by the address. Links are plain `<a href>`s; the browser's own buttons work. */
export class Router<Route> {
  route: Route;
  readonly #read: (path: string) => Route;
  readonly #write: (route: Route) => string;

  constructor(read: (path: string) => Route, write: (route: Route) => string) {
    this.#read = read;
    this.#write = write;
    this.route = $state.raw(read(location.pathname));
  }

  go(route: Route): void {
    history.pushState(null, "", this.#write(route));
    this.look();
  }

  look(): void {
    this.route = this.#read(location.pathname);
  }

  /** Takes a plain click on a link of ours; a new tab is the browser's own affair. */
  follow(event: MouseEvent): void {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.origin !== location.origin || !link.pathname.startsWith(import.meta.env.BASE_URL))
      return;
    event.preventDefault();
    this.go(this.#read(link.pathname));
  }
}
