import type { Clock } from '../../src/domain/clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves time forward, running what falls due on the way, in order, each at its own moment. After every callback (and
   * before the first) all promises that can settle have settled, so a test sees the consequences when this resolves.
   * Rejects when callbacks keep scheduling callbacks without end.
   */
  advance(milliseconds: number): Promise<void>;
  /** Sets the wall clock back, as NTP or an administrator may; monotonic time continues. */
  setBack(milliseconds: number): void;
  /** Lets everything settle that needs no time to pass. */
  settle(): Promise<void>;
  /** How many callbacks wait for their moment: 0 shows that nothing was left ticking. */
  readonly pending: number;
}

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

// An immediate runs after all microtasks, however many of them a chain of promises needs.
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Callbacks in one `advance`, far above what any test needs: without it, a loop of zero delays hangs the test. */
const usualMostCallbacks = 1_000_000;

/** Wall-clock time starts at `startedAt` (milliseconds since the epoch); monotonic time starts at 0. */
export function createManualClock(
  startedAt: number = Date.UTC(2026, 0, 1),
  mostCallbacks: number = usualMostCallbacks,
): ManualClock {
  let elapsed = 0;
  let start = startedAt;
  const timers = new Set<Timer>();

  // Timers due at the same moment run in the order in which they were set, as Node's do.
  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  };

  return {
    now: () => start + elapsed,
    setBack: (milliseconds) => {
      start -= milliseconds;
    },
    monotonic: () => elapsed,
    schedule: (milliseconds, callback) => {
      const timer = { due: elapsed + Math.max(0, milliseconds), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: async (milliseconds) => {
      const until = elapsed + milliseconds;
      let callbacks = 0;
      await settle();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        callbacks += 1;
        if (callbacks > mostCallbacks) {
          throw new Error(`more than ${mostCallbacks} callbacks in one advance, now at ${elapsed} ms: an endless loop`);
        }
        timers.delete(timer);
        elapsed = Math.max(elapsed, timer.due);
        timer.callback();
        await settle();
      }
      elapsed = until;
    },
    settle,
    get pending() {
      return timers.size;
    },
  };
}
