import type { Clock } from '../domain/clock.ts';
import { DelayingQueue } from './delaying-queue.ts';
import { FairQueue } from './fair-queue.ts';
import type { OwnWrite } from './own-write.ts';

/** Why a key is added, the highest priority first: a user changed the object; it is due; a resync of all objects. */
export type Priority = 'user' | 'normal' | 'resync';

/**
 * Keys to reconcile. A key waits at most once and has at most one worker; a key that is added while it is processed waits again
 * after `done`. Higher priorities go first. Every fourth key is the oldest one that has waited for five seconds, whatever its
 * priority: no key starves, and a high priority doesn't wait for a backlog. Within a priority: round-robin by namespace.
 */
export interface WorkQueue {
  /**
   * The default priority is `normal`. Of a key that waits already, the higher priority counts. `isOnly`: whether the key is added for
   * nothing but this write.
   */
  add(key: string, options?: { readonly priority?: Priority; readonly isOnly?: (write: OwnWrite) => boolean }): void;
  /** The write of the reconciliation in progress was answered: what was added for it alone needs no further reconciliation. */
  discard(key: string, write: OwnWrite): void;
  /** Adds the key after this many milliseconds, or earlier if requested before; cancelled when a worker takes the key sooner. */
  addAfter(key: string, milliseconds: number): void;
  /** The next key, as soon as there is one; undefined after `shutdown`. The worker must call `done` with it. */
  get(): Promise<string | undefined>;
  done(key: string): void;
  /** Milliseconds that a key waited before its worker took it. */
  queueDuration(key: string): number;
  /** `get` returns no further key. */
  shutdown(): void;
  /** Keys that wait now. */
  readonly depth: number;
  /** `depth` by priority. */
  readonly depths: Readonly<Record<Priority, number>>;
  /** Milliseconds that the oldest key has waited; 0 when none waits. */
  readonly oldestWaitMs: number;
}

interface Waiting {
  readonly priority: Priority;
  readonly since: number;
}

interface Processing {
  readonly waited: number;
  /** Added again while it is processed. */
  dirty: Again | undefined;
}

interface Again extends Waiting {
  /** Whether it was added for nothing but this write. Undefined: for another reason, or for several. */
  readonly isOnly: ((write: OwnWrite) => boolean) | undefined;
}

const rank = { user: 0, normal: 1, resync: 2 } as const satisfies Record<Priority, number>;
const priorities = ['user', 'normal', 'resync'] as const satisfies readonly Priority[];
const agingAfter = 5_000;
/** Keys by priority after each key by age. */
const byPriorityPerAged = 3;

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Called when a key begins to wait that didn't wait already. */
  readonly onAdd?: () => void;
  /** Called when a key is to be added after a delay. */
  readonly onDelay?: () => void;
}

export function createWorkQueue({ clock, onAdd, onDelay }: WorkQueueOptions): WorkQueue {
  const queues: Record<Priority, FairQueue> = {
    user: new FairQueue(),
    normal: new FairQueue(),
    resync: new FairQueue(),
  };
  const priorityOf = new Map<string, Priority>();
  const processing = new Map<string, Processing>();
  const getters: ((key: string | undefined) => void)[] = [];
  const delaying = new DelayingQueue(clock, (key) => add(key, 'normal'));
  let isShutDown = false;
  let byPriorityLeft = 0;

  function add(key: string, priority: Priority, isOnly?: Again['isOnly']): void {
    if (isShutDown) return;
    const wanted = { priority, since: clock.monotonic() };
    const current = processing.get(key);
    if (current === undefined) enqueue(key, wanted);
    else current.dirty = current.dirty === undefined ? { ...wanted, isOnly } : higher(current.dirty, wanted);
    serve();
  }

  function enqueue(key: string, wanted: Waiting): void {
    const known = priorityOf.get(key);
    const since = known === undefined ? undefined : queues[known].since(key);
    if (known === undefined || since === undefined) {
      onAdd?.();
      return append(key, wanted);
    }
    if (rank[known] <= rank[wanted.priority]) return;
    queues[known].delete(key);
    append(key, { priority: wanted.priority, since });
  }

  function append(key: string, { priority, since }: Waiting): void {
    queues[priority].add(key, since);
    priorityOf.set(key, priority);
  }

  /** The next key by priority; or, when the aging interval is over, the one that has waited longest. */
  function next(): (Waiting & { readonly key: string }) | undefined {
    const late = clock.monotonic() - agingAfter;
    let best: (Waiting & { readonly key: string }) | undefined;
    let isByPriority = true;
    for (const priority of priorities) {
      const head = queues[priority].head();
      if (head === undefined) continue;
      const isOverdue = byPriorityLeft === 0 && head.since <= late;
      if (best !== undefined && !(isOverdue && head.since < best.since)) continue;
      isByPriority = best === undefined;
      best = { ...head, priority };
    }
    if (best !== undefined) byPriorityLeft = isByPriority ? Math.max(0, byPriorityLeft - 1) : byPriorityPerAged;
    return best;
  }

  function serve(): void {
    while (getters.length > 0) {
      const found = next();
      if (found === undefined) return;
      getters.shift()?.(handOut(found));
    }
  }

  function handOut({ key, priority, since }: Waiting & { readonly key: string }): string {
    queues[priority].pop(key);
    priorityOf.delete(key);
    // The reconciliation that begins returns when the key is due again.
    delaying.remove(key);
    processing.set(key, { waited: clock.monotonic() - since, dirty: undefined });
    return key;
  }

  return {
    add: (key, { priority = 'normal', isOnly } = {}) => add(key, priority, isOnly),
    discard(key, write) {
      const current = processing.get(key);
      if (current?.dirty?.isOnly?.(write) === true) current.dirty = undefined;
    },
    addAfter(key, milliseconds) {
      if (isShutDown) return;
      if (milliseconds <= 0) return add(key, 'normal');
      onDelay?.();
      delaying.add(key, milliseconds);
    },
    get() {
      if (isShutDown) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        getters.push(resolve);
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
    queueDuration: (key) => processing.get(key)?.waited ?? 0,
    shutdown() {
      isShutDown = true;
      delaying.clear();
      for (const resolve of getters.splice(0)) resolve(undefined);
    },
    get depth() {
      return priorityOf.size;
    },
    get depths() {
      const depths = { user: 0, normal: 0, resync: 0 };
      for (const priority of priorityOf.values()) depths[priority] += 1;
      return depths;
    },
    get oldestWaitMs() {
      const now = clock.monotonic();
      return Math.max(...Object.values(queues).map((queue) => now - (queue.oldest() ?? now)));
    },
  };
}

function higher(a: Waiting, b: Waiting): Again {
  return {
    priority: rank[a.priority] <= rank[b.priority] ? a.priority : b.priority,
    since: a.since,
    isOnly: undefined,
  };
}
