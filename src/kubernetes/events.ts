import { exponentialDelay } from '../domain/backoff.ts';
import type { Clock } from '../domain/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { cutMessage, cutToBytes } from '../domain/text.ts';
import type { KubeClient, Resource } from './client.ts';
import { hasReason } from './errors.ts';
import { microTime } from './micro-time.ts';
import { wait } from './wait.ts';

/** Something that happened to an object, for users: `kubectl describe` shows it. */
export interface EventNote {
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion?: string | undefined;
  };
  readonly type: 'Normal' | 'Warning';
  /** The reason, as one CamelCase word. */
  readonly reason: string;
  /** The action in progress, as one CamelCase word. */
  readonly action: string;
  /** A sentence, truncated to the API server's limit of 1 KiB. */
  readonly note: string;
}

export interface EventRecorder {
  /** Records the event and returns immediately. Never throws: an event that can't be stored is dropped and logged. */
  record(event: EventNote): void;
  /** Resolves when all recorded events are stored or dropped. */
  drain(): Promise<void>;
}

/** Equal events of one object: stored as one event with a count. */
interface Series {
  readonly note: EventNote;
  /** The name of the stored event. Fixed before it is sent, so that a lost response doesn't lead to two events. */
  readonly name: string;
  isStored: boolean;
  count: number;
  /** Epoch milliseconds. */
  readonly firstAt: number;
  lastAt: number;
  isQueued: boolean;
}

const resource: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
const controller = 'vps247.com/operator';
/** An equal event within this time is counted, not emitted again. */
const seriesMs = 6 * 60_000;
/** The limit of events that wait to be stored. Above it, the namespace with the most events loses its newest. */
const longestQueue = 1_000;
/** The limit of events that are remembered for counting, applied in the same way. */
const maxKnown = 4_000;
const longestNote = 1_024;
const tries = 3;
const retryDelays = { first: 1_000, longest: 2_000 };

/** Stores events one after the other, in the background. `instance` names this process. */
export function createEventRecorder(options: {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly instance: string;
}): EventRecorder {
  const { client, clock, log } = options;
  const known = new Shelf<Series>();
  const queue = new Shelf<Series>();
  let worker: Promise<void> | undefined;
  let isDropping = false;
  let isDraining = false;
  let begun = 0;

  function begin(note: EventNote, now: number): Series {
    begun += 1;
    const suffix = `.${now.toString(16)}${begun.toString(16).padStart(4, '0')}`;
    // Truncated names may not end in a dot or dash.
    const stem = note.regarding.name.slice(0, 253 - suffix.length).replace(/[^a-z0-9]+$/, '');
    const name = `${stem}${suffix}`;
    return { note, name, isStored: false, count: 0, firstAt: now, lastAt: now, isQueued: false };
  }

  function enqueue(series: Series): void {
    if (series.isQueued) return;
    series.isQueued = true;
    queue.add(series.note.regarding.namespace, series.name, series);
    if (queue.size > longestQueue) {
      const lost = queue.takeNewestOfLargest();
      if (lost !== undefined) lost.isQueued = false;
      drop('there are too many');
    }
    worker ??= work();
  }

  async function work(): Promise<void> {
    for (let series = queue.takeNext(); series !== undefined; series = queue.takeNext()) {
      series.isQueued = false;
      await store(series);
    }
    worker = undefined;
  }

  async function store(series: Series): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await (series.isStored ? count(series) : create(series));
        isDropping = false;
        return;
      } catch (error) {
        const isPassing = hasReason(error, 'Network', 'Timeout', 'Unavailable', 'TooManyRequests', 'Fenced');
        // A shutdown doesn't wait for an unavailable API server.
        if (!isPassing || isDraining || attempt === tries) return drop('they cannot be stored', error);
        await wait(clock, exponentialDelay(attempt - 1, retryDelays));
      }
    }
  }

  async function create(series: Series): Promise<void> {
    const { regarding, type, reason, action, note } = series.note;
    const { namespace } = regarding;
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name: series.name },
      eventTime: microTime(series.firstAt),
      reportingController: controller,
      reportingInstance: cutToBytes(options.instance, 128),
      regarding,
      type,
      reason,
      action,
      note,
      ...seriesField(series),
    };
    try {
      await client.create(resource, namespace, body);
    } catch (error) {
      // An earlier attempt was stored and its response was lost.
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
    series.isStored = true;
  }

  async function count(series: Series): Promise<void> {
    const ref = { namespace: series.note.regarding.namespace, name: series.name };
    try {
      await client.patch(resource, ref, { type: 'merge', body: seriesField(series) });
    } catch (error) {
      // The API server deletes events after a while. The event is then emitted again.
      if (!hasReason(error, 'NotFound')) throw error;
      await create(series);
    }
  }

  function drop(why: string, error?: unknown): void {
    if (!isDropping) log.warn('Dropped events', { reason: why, ...(error === undefined ? {} : { error }) });
    isDropping = true;
  }

  return {
    record(event) {
      const now = clock.now();
      const { regarding, type, reason } = event;
      const note = cutMessage(event.note, longestNote);
      const key = JSON.stringify([regarding.uid, regarding.name, type, reason, note]);
      let series = known.get(regarding.namespace, key);
      if (series === undefined || now - series.firstAt >= seriesMs) {
        series = begin({ ...event, note }, now);
        known.delete(regarding.namespace, key);
        known.add(regarding.namespace, key, series);
        known.dropWhile((old) => now - old.firstAt >= seriesMs);
        if (known.size > maxKnown) known.takeOldestOfLargest();
      }
      series.count += 1;
      series.lastAt = now;
      enqueue(series);
    },
    async drain() {
      isDraining = true;
      await worker;
    },
  };
}

/** The API server requires it from the second time on. */
function seriesField({ count, lastAt }: Series) {
  return count < 2 ? {} : { series: { count, lastObservedTime: microTime(lastAt) } };
}

/** Entries by namespace, taken round-robin. At the limit, the largest namespace loses entries first. */
class Shelf<T> {
  size = 0;
  /** By namespace, the next one first: its entries in order of arrival. */
  readonly #namespaces = new Map<string, Map<string, T>>();

  get(namespace: string, key: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  add(namespace: string, key: string, entry: T): void {
    this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? new Map<string, T>()).set(key, entry));
    this.size += 1;
  }

  delete(namespace: string, key: string | undefined): T | undefined {
    const entries = this.#namespaces.get(namespace);
    if (key === undefined || entries === undefined) return undefined;
    const entry = entries.get(key);
    if (entries.delete(key)) this.size -= 1;
    if (entries.size === 0) this.#namespaces.delete(namespace);
    return entry;
  }

  takeNext(): T | undefined {
    const [next] = this.#namespaces;
    if (next === undefined) return undefined;
    const [namespace, entries] = next;
    const [key] = entries.keys();
    const entry = this.delete(namespace, key);
    // Behind the others.
    if (this.#namespaces.delete(namespace)) this.#namespaces.set(namespace, entries);
    return entry;
  }

  takeNewestOfLargest(): T | undefined {
    const [namespace, entries] = this.#largest();
    return this.delete(namespace, [...entries.keys()].at(-1));
  }

  takeOldestOfLargest(): T | undefined {
    const [namespace, entries] = this.#largest();
    const [key] = entries.keys();
    return this.delete(namespace, key);
  }

  /** Removes the first entries of each namespace, as long as they are `old`. */
  dropWhile(old: (entry: T) => boolean): void {
    for (const [namespace, entries] of this.#namespaces) {
      for (const [key, entry] of entries) {
        if (!old(entry)) break;
        this.delete(namespace, key);
      }
    }
  }

  #largest(): readonly [string, ReadonlyMap<string, T>] {
    let largest: readonly [string, ReadonlyMap<string, T>] = ['', new Map()];
    for (const one of this.#namespaces) if (one[1].size > largest[1].size) largest = one;
    return largest;
  }
}
