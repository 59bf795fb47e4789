import type { Clock } from '../domain/clock.ts';

/** Resolves after `milliseconds`, or as soon as `signal` is aborted. */
export function wait(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(milliseconds, end);
    signal?.addEventListener('abort', end);
  });
}
