import type { Clock } from '../../domain/clock.ts';

/** Aborts its signal when nothing was received for `milliseconds`. */
export function createIdleTimeout(clock: Clock, milliseconds: number) {
  const controller = new AbortController();
  let receivedAt = clock.monotonic();
  // Checked when the time may be over, because moving a timer with each of thousands of events is expensive.
  const look = (): void => {
    const left = receivedAt + milliseconds - clock.monotonic();
    if (left <= 0) controller.abort();
    else cancel = clock.schedule(left, look);
  };
  let cancel = clock.schedule(milliseconds, look);
  return {
    signal: controller.signal,
    reset: () => void (receivedAt = clock.monotonic()),
    end: () => cancel(),
  };
}
