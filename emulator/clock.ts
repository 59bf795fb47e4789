/** The emulator's only source of time. Milliseconds; `schedule` calls back once and returns what cancels it. */
export interface EmulatorClock {
  now(): number;
  schedule(milliseconds: number, callback: () => void): () => void;
  /** Only a clock that stands still by itself can be moved. */
  advance?(milliseconds: number): void | Promise<void>;
}

/** Timers do not keep the process alive: a test that is done shall not wait for a guest that is still booting. */
export const realClock: EmulatorClock = {
  now: () => Date.now(),
  schedule: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.max(0, milliseconds)).unref();
    return () => clearTimeout(timer);
  },
};

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that moves by `advance` alone, running what falls due in order, each at its own moment. */
export function createManualClock(
  startedAt: number = Date.UTC(2026, 0, 1),
): EmulatorClock & { advance(milliseconds: number): void } {
  let now = startedAt;
  const timers = new Set<Timer>();

  // Of timers due at one moment the one set first comes first: a Set keeps the order.
  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  };

  return {
    now: () => now,
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
