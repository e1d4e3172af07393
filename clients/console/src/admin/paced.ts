/**
 * `look`, as often as it is called for, but never twice at once nor sooner than `pauseMs` after it ended: whoever
 * calls meanwhile shares one more time after that. `end` takes back what waits.
 */
export function paced(look: () => Promise<void>, pauseMs: number): { ask: () => void; end: () => void } {
  let busy = false;
  let wanted = false;
  let pause: ReturnType<typeof setTimeout> | undefined;
  let ended = false;

  async function run(): Promise<void> {
    busy = true;
    wanted = false;
    await look();
    if (ended) return;
    pause = setTimeout(() => {
      busy = false;
      if (wanted) void run();
    }, pauseMs);
  }

  function ask(): void {
    if (ended) return;
    if (busy) wanted = true;
    else void run();
  }

  function end(): void {
    ended = true;
    clearTimeout(pause);
  }

  return { ask, end };
}
