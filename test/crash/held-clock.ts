import { type EmulatorClock, realClock } from '../../emulator/clock.ts';

/** Real time in which transitions can be held: a VM in transition stays in it until it is released. */
export interface HeldClock extends EmulatorClock {
  hold(): void;
  letGo(): void;
}

/** Waits of `longFrom` milliseconds and more are long. */
export function createHeldClock(longFrom: number): HeldClock {
  let isHeld = false;
  const waiting = new Set<() => void>();
  return {
    now: () => realClock.now(),
    monotonic: () => realClock.monotonic(),
    schedule(milliseconds, callback) {
      const end = (): void => {
        if (isHeld && milliseconds >= longFrom) waiting.add(callback);
        else callback();
      };
      const cancel = realClock.schedule(milliseconds, end);
      return () => {
        cancel();
        waiting.delete(callback);
      };
    },
    hold() {
      isHeld = true;
    },
    letGo() {
      isHeld = false;
      const ended = [...waiting];
      waiting.clear();
      for (const callback of ended) callback();
    },
  };
}
