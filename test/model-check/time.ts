/**
 * Time goes by in ticks. Every wait of the operator that the settings choose lasts one and a half, so that it is over
 * after the second tick but not after the first; the waits that are built in (1 to 60 s) end with the tick. Within a tick
 * only the order of events counts.
 */
export const tick = 100_000;
/** Epoch milliseconds; also where monotonic time begins, so that all times can be distinguished from other numbers. */
export const dawn = 17_000_000 * tick;

/** The settings of the operator and of the object, in milliseconds. */
export const visibilityWindow = 1.5 * tick;
export const recreateAfter = 1.5 * tick;
export const responseDeadline = 1.5 * tick;
export const stuckAfter = 0.6 * tick;
/** With `stuckAfter`, which a shutdown has on top of it, less than two ticks. */
export const gracePeriod = 1.3 * tick;

/** How far apart two lists are at least: what is asked for sooner waits for that. */
export const listInterval = 1_000;

export function tickOf(time: number): number {
  return Math.floor(time / tick);
}

/** Ticks between two times. */
export function ticksBetween(earlier: number, later: number): number {
  return tickOf(later) - tickOf(earlier);
}

export function toIso(time: number): string {
  return new Date(time).toISOString();
}
