/** The clock. Tests set it by hand; production uses `systemClock`. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never jump backwards; only differences mean something. */
  monotonic(): number;
  /** Calls `callback` once after `milliseconds`; the returned function cancels it. */
  schedule(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.max(0, milliseconds));
    return () => clearTimeout(timer);
  },
};

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

/** Converts a monotonic time to epoch milliseconds. */
export function epochOf(clock: Pick<Clock, 'now' | 'monotonic'>, moment: number): number {
  return clock.now() - (clock.monotonic() - moment);
}

/** Epoch milliseconds as a `Time`, which Kubernetes stores in whole seconds. */
export function toTime(epoch: number): string {
  return new Date(epoch).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Epoch milliseconds as a `MicroTime`, which Kubernetes reads only with six decimals. */
export function toMicroTime(epoch: number): string {
  return new Date(epoch).toISOString().replace('Z', '000Z');
}

/**
 * A time in whole seconds, because the message would change with every reconciliation otherwise. Never earlier than
 * `milliseconds`.
 */
export function toSeconds(milliseconds: number): string {
  return new Date(Math.ceil(milliseconds / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
