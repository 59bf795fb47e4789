import type { Clock } from '../../domain/clock.ts';

/** Aborts its signal when nothing was received for `milliseconds`. */
export function createIdleTimeout(clock: Clock, milliseconds: number) {
  const controller = new AbortController();
  let receivedAt = clock.monotonic();
  // Looked at when it may be over rather than moved with every event, of which there may be thousands.
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
