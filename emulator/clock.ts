/**
 * The emulator's only source of time, in milliseconds. `schedule` calls back once and returns a function that cancels
 * it.
 */
export interface EmulatorClock {
  now(): number;
  /** Its zero has no meaning, and it never jumps. */
  monotonic(): number;
  schedule(milliseconds: number, callback: () => void): () => void;
  /** Only a manual clock can be advanced. */
  advance?(milliseconds: number): void | Promise<void>;
}

/** The machine's monotonic clock, which all processes on it share. */
export function monotonicMilliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Timers do not keep the process alive, so that a test doesn't wait for a guest that is still booting. */
export const realClock: EmulatorClock = {
  now: () => Date.now(),
  monotonic: monotonicMilliseconds,
  schedule: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.max(0, milliseconds)).unref();
    return () => clearTimeout(timer);
  },
};

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that moves only when `advance` is called. It runs due timers in order, each at its own time. */
export function createManualClock(
  startedAt: number = Date.UTC(2026, 0, 1),
): EmulatorClock & { advance(milliseconds: number): void } {
  let now = startedAt;
  const timers = new Set<Timer>();

  // A Set keeps the order of insertion, so timers due at the same time run in the order in which they were set.
  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  };

  return {
    now: () => now,
    monotonic: () => now,
    schedule: (milliseconds, callback) => {
      const timer = { due: now + Math.max(0, milliseconds), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (milliseconds) => {
      const until = now + milliseconds;
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        now = Math.max(now, timer.due);
        timer.callback();
      }
      now = until;
    },
  };
}
