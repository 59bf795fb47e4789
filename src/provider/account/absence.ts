/** Consecutive complete lists that lacked a VM while a key was subscribed to it, and no single read showed it. */
export interface Absence {
  /** When the first of them started (monotonic milliseconds). */
  readonly since: number;
  readonly lists: number;
}

/** The absence after another complete list. Pure. A list that shows the VM ends it. */
export function afterList(before: Absence | undefined, isListed: boolean, startedAt: number): Absence | undefined {
  if (isListed) return undefined;
  return { since: before?.since ?? startedAt, lists: (before?.lists ?? 0) + 1 };
}
