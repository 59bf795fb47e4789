import type { Clock } from '../model/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { KubeClient, Resource } from './client.ts';
import { KubeError, type KubeErrorReason } from './errors.ts';
import { wait } from './wait.ts';

/** Something that happened to an object, for people: `kubectl describe` shows it. */
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
  /** Why, in one CamelCase word. */
  readonly reason: string;
  /** What was being done, in one CamelCase word. */
  readonly action: string;
  /** A sentence; cut to what the API server takes, 1 KiB. */
  readonly note: string;
}

export interface EventRecorder {
  /** Takes note and returns at once. Never throws: an event that cannot be stored is dropped, and that is logged. */
  record(event: EventNote): void;
  /** Resolves when all that was recorded is stored or dropped. */
  drain(): Promise<void>;
}

/** The same note on the same object, told as one event with a count. */
interface Series {
  readonly note: EventNote;
  /** Of the stored event; fixed before it is sent, so that a lost answer does not make two of it. */
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
/** A note that comes again within this time is counted, not told anew. */
const seriesMs = 6 * 60_000;
const longestQueue = 1_000;
const longestNote = 1_024;
const tries = 3;

/** Stores events one after the other, in the background. `instance` names this process. */
export function createEventRecorder(options: {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly instance: string;
}): EventRecorder {
  const { client, clock, log } = options;
  const known = new Map<string, Series>();
  const queue: Series[] = [];
  let worker: Promise<void> | undefined;
  let isDropping = false;
  let isDraining = false;
  let begun = 0;

  function begin(note: EventNote, now: number): Series {
    begun += 1;
    const suffix = `.${now.toString(16)}${begun.toString(16).padStart(4, '0')}`;
    // Cut names may not end in a dot or dash.
    const stem = note.regarding.name.slice(0, 253 - suffix.length).replace(/[^a-z0-9]+$/, '');
    const name = `${stem}${suffix}`;
    return { note, name, isStored: false, count: 0, firstAt: now, lastAt: now, isQueued: false };
  }

  function forgetOld(now: number): void {
    // In the order of their beginning, so that the first young one ends the search.
    for (const [key, series] of known) {
      if (now - series.firstAt < seriesMs) return;
      known.delete(key);
    }
  }

  function enqueue(series: Series): void {
    if (series.isQueued) return;
    if (queue.length >= longestQueue) return drop('there are too many');
    series.isQueued = true;
    queue.push(series);
    worker ??= work();
  }

  async function work(): Promise<void> {
    for (let series = queue.shift(); series !== undefined; series = queue.shift()) {
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
        // At the end there is no time for an API server that is away.
        if (!isPassing || isDraining || attempt === tries) return drop('they cannot be stored', error);
        await wait(clock, attempt * 1_000);
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
      reportingInstance: options.instance.slice(0, 128),
      regarding,
      type,
      reason,
      action,
      note: cut(note),
      ...seriesField(series),
    };
    try {
      await client.create(resource, namespace, body);
    } catch (error) {
      // An earlier try was stored and its answer lost.
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
    series.isStored = true;
  }

  async function count(series: Series): Promise<void> {
    const ref = { namespace: series.note.regarding.namespace, name: series.name };
    try {
      await client.patch(resource, ref, { type: 'merge', body: seriesField(series) });
    } catch (error) {
      // The API server throws events away after a while; then it is told anew.
      if (!hasReason(error, 'NotFound')) throw error;
      await create(series);
    }
  }

  function drop(why: string, error?: unknown): void {
    if (!isDropping) log.warn('Events are dropped', { why, ...(error === undefined ? {} : { error }) });
    isDropping = true;
  }

  return {
    record(event) {
      const now = clock.now();
      forgetOld(now);
      const { regarding, type, reason, note } = event;
      const key = JSON.stringify([regarding.uid, regarding.namespace, regarding.name, type, reason, note]);
      let series = known.get(key);
      if (series === undefined) {
        series = begin(event, now);
        known.set(key, series);
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

function hasReason(error: unknown, ...reasons: readonly KubeErrorReason[]): boolean {
  return error instanceof KubeError && reasons.includes(error.reason);
}

/** The API server wants it from the second time on. */
function seriesField({ count, lastAt }: Series) {
  return count < 2 ? {} : { series: { count, lastObservedTime: microTime(lastAt) } };
}

function microTime(epoch: number): string {
  return new Date(epoch).toISOString().replace('Z', '000Z');
}

/** At most 1 KiB of UTF-8, without half a character at the end. */
function cut(note: string): string {
  if (Buffer.byteLength(note) <= longestNote) return note;
  return new TextDecoder().decode(Buffer.from(note).subarray(0, longestNote - 4)).replace(/\uFFFD+$/, '') + '…';
}
