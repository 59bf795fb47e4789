import type { Clock } from '../model/clock.ts';
import { Delayed } from './delayed.ts';

/** Why a key is added, the most urgent first: somebody changed something; it is due; all are looked at once more. */
export type Priority = 'user' | 'normal' | 'resync';

/**
 * Keys to be worked on. A key waits at most once and is worked on by at most one; added meanwhile, it waits again when
 * that one is done. More urgent keys go first, but none waits for more than five seconds behind newer ones.
 */
export interface Workqueue {
  /** `normal` unless said otherwise. The more urgent priority wins. */
  add(key: string, options?: { readonly priority?: Priority }): void;
  /** Adds it after so many milliseconds, or earlier if that was asked before; forgotten when the key is taken sooner. */
  addAfter(key: string, milliseconds: number): void;
  /** The next key, as soon as there is one; undefined after `shutdown`. Whoever takes it must say `done`. */
  take(): Promise<string | undefined>;
  done(key: string): void;
  /** Milliseconds that a taken key had waited. */
  waitOf(key: string): number;
  /** Nothing is handed out any more. */
  shutdown(): void;
  /** Keys that wait now. */
  readonly depth: number;
  /** Milliseconds the key that waits longest has waited; 0 when none does. */
  readonly oldestWaitMs: number;
}

interface Waiting {
  readonly priority: Priority;
  readonly since: number;
}

interface Processing {
  readonly waited: number;
  /** Added again while it is worked on. */
  dirty: Waiting | undefined;
}

const urgency = { user: 0, normal: 1, resync: 2 } as const satisfies Record<Priority, number>;
const patience = 5_000;

export function createWorkqueue({ clock }: { readonly clock: Clock }): Workqueue {
  // A map each, because it keeps the order in which keys came.
  const lanes: Record<Priority, Map<string, number>> = { user: new Map(), normal: new Map(), resync: new Map() };
  const priorityOf = new Map<string, Priority>();
  const processing = new Map<string, Processing>();
  const takers: ((key: string | undefined) => void)[] = [];
  const delayed = new Delayed(clock, (key) => add(key, 'normal'));
  let isShutDown = false;

  function add(key: string, priority: Priority): void {
    if (isShutDown) return;
    const asked = { priority, since: clock.monotonic() };
    const current = processing.get(key);
    if (current === undefined) enqueue(key, asked);
    else current.dirty = current.dirty === undefined ? asked : moreUrgent(current.dirty, asked);
    serve();
  }

  function enqueue(key: string, asked: Waiting): void {
    const known = priorityOf.get(key);
    const since = known === undefined ? undefined : lanes[known].get(key);
    if (known === undefined || since === undefined) return place(key, asked);
    if (urgency[known] <= urgency[asked.priority]) return;
    lanes[known].delete(key);
    place(key, { priority: asked.priority, since });
  }

  function place(key: string, { priority, since }: Waiting): void {
    lanes[priority].set(key, since);
    priorityOf.set(key, priority);
  }

  /** The head of the most urgent lane, or of one that was passed over for too long. */
  function next(): (Waiting & { readonly key: string }) | undefined {
    const late = clock.monotonic() - patience;
    let best: (Waiting & { readonly key: string }) | undefined;
    for (const priority of ['user', 'normal', 'resync'] as const) {
      const [head] = lanes[priority];
      if (head === undefined) continue;
      const [key, since] = head;
      if (best === undefined || (since <= late && since < best.since)) best = { key, priority, since };
    }
    return best;
  }

  function serve(): void {
    while (takers.length > 0) {
      const found = next();
      if (found === undefined) return;
      takers.shift()?.(claim(found));
    }
  }

  function claim({ key, priority, since }: Waiting & { readonly key: string }): string {
    lanes[priority].delete(key);
    priorityOf.delete(key);
    // Whoever works on it now says anew when it is due again.
    delayed.remove(key);
    processing.set(key, { waited: clock.monotonic() - since, dirty: undefined });
    return key;
  }

  return {
    add: (key, { priority = 'normal' } = {}) => add(key, priority),
    addAfter(key, milliseconds) {
      if (isShutDown) return;
      if (milliseconds <= 0) add(key, 'normal');
      else delayed.add(key, milliseconds);
    },
    take() {
      if (isShutDown) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        takers.push(resolve);
        serve();
      });
    },
    done(key) {
      const dirty = processing.get(key)?.dirty;
      processing.delete(key);
      if (dirty === undefined || isShutDown) return;
      enqueue(key, dirty);
      serve();
    },
    waitOf: (key) => processing.get(key)?.waited ?? 0,
    shutdown() {
      isShutDown = true;
      delayed.clear();
      for (const resolve of takers.splice(0)) resolve(undefined);
    },
    get depth() {
      return priorityOf.size;
    },
    get oldestWaitMs() {
      const now = clock.monotonic();
      return Object.values(lanes).reduce((oldest, lane) => {
        const [head] = lane.values();
        return head === undefined ? oldest : Math.max(oldest, now - head);
      }, 0);
    },
  };
}

function moreUrgent(a: Waiting, b: Waiting): Waiting {
  return { priority: urgency[a.priority] <= urgency[b.priority] ? a.priority : b.priority, since: a.since };
}
