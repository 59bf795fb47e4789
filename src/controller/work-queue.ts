import type { Clock } from '../domain/clock.ts';
import { DelayingQueue } from './delaying-queue.ts';
import { FairQueue } from './fair-queue.ts';

/** Why a key is added, the most urgent first: somebody changed something; it is due; all are looked at once more. */
export type Priority = 'user' | 'normal' | 'resync';

/**
 * Keys to be worked on. A key waits at most once and is worked on by at most one; added meanwhile, it waits again when
 * that one is done. More urgent keys go first; one that has waited for five seconds gets every fourth turn whatever its
 * urgency, so that nobody starves and nobody who is urgent waits for a backlog. Among equals, namespaces take turns.
 */
export interface WorkQueue {
  /** `normal` unless said otherwise. The more urgent priority wins. */
  add(key: string, options?: { readonly priority?: Priority }): void;
  /** Adds it after so many milliseconds, or earlier if that was asked before; forgotten when the key is taken sooner. */
  addAfter(key: string, milliseconds: number): void;
  /** The next key, as soon as there is one; undefined after `shutdown`. Whoever takes it must say `done`. */
  get(): Promise<string | undefined>;
  done(key: string): void;
  /** Milliseconds that a taken key had waited. */
  queueDuration(key: string): number;
  /** Nothing is handed out any more. */
  shutdown(): void;
  /** Keys that wait now. */
  readonly depth: number;
  /** The same by their priority. */
  readonly depths: Readonly<Record<Priority, number>>;
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

const rank = { user: 0, normal: 1, resync: 2 } as const satisfies Record<Priority, number>;
const priorities = ['user', 'normal', 'resync'] as const satisfies readonly Priority[];
const agingAfter = 5_000;
/** Turns by urgency after each that was given for having waited long. */
const turnsByRank = 3;

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** A key begins to wait that did not wait already. */
  readonly onAdd?: () => void;
  /** A key is to be added after a while. */
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
  let turnsByRankLeft = 0;

  function add(key: string, priority: Priority): void {
    if (isShutDown) return;
    const wanted = { priority, since: clock.monotonic() };
    const current = processing.get(key);
    if (current === undefined ? !priorityOf.has(key) : current.dirty === undefined) onAdd?.();
    if (current === undefined) enqueue(key, wanted);
    else current.dirty = current.dirty === undefined ? wanted : higher(current.dirty, wanted);
    serve();
  }

  function enqueue(key: string, wanted: Waiting): void {
    const known = priorityOf.get(key);
    const since = known === undefined ? undefined : queues[known].since(key);
    if (known === undefined || since === undefined) return append(key, wanted);
    if (rank[known] <= rank[wanted.priority]) return;
    queues[known].delete(key);
    append(key, { priority: wanted.priority, since });
  }

  function append(key: string, { priority, since }: Waiting): void {
    queues[priority].add(key, since);
    priorityOf.set(key, priority);
  }

  /** Who is next by urgency; or, when it is time for that, who was passed over for longest. */
  function next(): (Waiting & { readonly key: string }) | undefined {
    const late = clock.monotonic() - agingAfter;
    let best: (Waiting & { readonly key: string }) | undefined;
    let isByUrgency = true;
    for (const priority of priorities) {
      const head = queues[priority].head();
      if (head === undefined) continue;
      const isOverdue = turnsByRankLeft === 0 && head.since <= late;
      if (best !== undefined && !(isOverdue && head.since < best.since)) continue;
      isByUrgency = best === undefined;
      best = { ...head, priority };
    }
    if (best !== undefined) turnsByRankLeft = isByUrgency ? Math.max(0, turnsByRankLeft - 1) : turnsByRank;
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
    // Whoever works on it now says anew when it is due again.
    delaying.remove(key);
    processing.set(key, { waited: clock.monotonic() - since, dirty: undefined });
    return key;
  }

  return {
    add: (key, { priority = 'normal' } = {}) => add(key, priority),
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

function higher(a: Waiting, b: Waiting): Waiting {
  return { priority: rank[a.priority] <= rank[b.priority] ? a.priority : b.priority, since: a.since };
}
