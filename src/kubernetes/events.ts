import { exponentialDelay } from '../domain/backoff.ts';
import { type Clock, toMicroTime, wait } from '../domain/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { cutMessage, cutToBytes } from '../domain/text.ts';
import type { KubeClient, Resource } from './client.ts';
import { hasReason } from './errors.ts';
import { EventShelf } from './event-shelf.ts';

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
  /** Resolves when all recorded events are stored or dropped, after five seconds at the latest. */
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
  /** `Sending`: only one request of a series is in flight, so that a count never overtakes its event. */
  state: 'Idle' | 'Queued' | 'Sending';
}

const resource: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
const controller = 'vps247.com/operator';
/** An equal event within this time is counted, not emitted again. */
const seriesMs = 6 * 60_000;
/**
 * The limit of events that wait to be stored, in bytes: about 20,000 of the usual length. Above it, the namespace with
 * the most bytes loses its newest.
 */
const longestQueue = 12 * 1_024 * 1_024;
/** The limit of events that are remembered for counting: there, the oldest goes. */
const maxKnown = 4 * 1_024 * 1_024;
const longestNote = 1_024;
/** How many events are stored at once while no other write is in flight. */
const concurrency = 8;
/** An outage of a minute and a half loses no event that fits into the queue. */
const tries = 8;
const retryDelays = { first: 1_000, longest: 30_000 };

/** How long a shutdown waits for events. The Lease is released after that. */
const longestDrain = 5_000;

/** The memory of an event besides its texts: its objects and its place in the maps. Measured on Node 24. */
const overhead = 500;

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process. */
  readonly instance: string;
  /** Whether writes that users wait for are in flight. Meanwhile, events are stored one after the other. */
  readonly isBusy?: () => boolean;
}

/** Stores events in the background. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, log, isBusy = () => false } = options;
  const known = new EventShelf<Series>(bytesOf);
  const queue = new EventShelf<Series>(bytesOf);
  const sending = new Set<Promise<void>>();
  const draining = new AbortController();
  const stopped = new AbortController();
  let isDropping = false;
  let begun = 0;

  function begin(note: EventNote, now: number): Series {
    begun += 1;
    const suffix = `.${now.toString(16)}${begun.toString(16).padStart(4, '0')}`;
    // Truncated names may not end in a dot or dash.
    const stem = note.regarding.name.slice(0, 253 - suffix.length).replace(/[^a-z0-9]+$/, '');
    return { note, name: `${stem}${suffix}`, isStored: false, count: 0, firstAt: now, lastAt: now, state: 'Idle' };
  }

  function enqueue(series: Series): void {
    if (series.state !== 'Idle') return;
    series.state = 'Queued';
    queue.add(series.note.regarding.namespace, series.name, series);
    while (queue.bytes > longestQueue) {
      const lost = queue.takeNewestOfLargest();
      if (lost === undefined) break;
      lost.state = 'Idle';
      drop('there are too many');
    }
    sendNext();
  }

  /** A write of an event that ends starts the next. While users wait for other writes, one at a time is enough. */
  function sendNext(): void {
    if (stopped.signal.aborted || sending.size >= (isBusy() ? 1 : concurrency)) return;
    const series = queue.takeNext();
    if (series === undefined) return;
    const sent = send(series).finally(() => {
      sending.delete(sent);
      sendNext();
    });
    sending.add(sent);
    sendNext();
  }

  async function send(series: Series): Promise<void> {
    const handled = await store(series);
    series.state = 'Idle';
    if (series.count > handled) enqueue(series);
  }

  /** Resolves with the count that was stored or dropped. Never rejects. */
  async function store(series: Series): Promise<number> {
    series.state = 'Sending';
    for (let attempt = 1; ; attempt += 1) {
      const { count } = series;
      try {
        await (series.isStored ? patchCount(series) : create(series));
        isDropping = false;
        return count;
      } catch (error) {
        const isPassing = hasReason(error, 'Network', 'Timeout', 'Unavailable', 'TooManyRequests', 'Fenced');
        // A shutdown doesn't wait for an unavailable API server.
        if (!isPassing || draining.signal.aborted || attempt === tries) {
          drop('they cannot be stored', error);
          return count;
        }
        await wait(clock, exponentialDelay(attempt - 1, retryDelays), draining.signal);
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
      eventTime: toMicroTime(series.firstAt),
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

  async function patchCount(series: Series): Promise<void> {
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
        while (known.bytes > maxKnown) known.takeOldestOfLargest();
      }
      series.count += 1;
      series.lastAt = now;
      enqueue(series);
    },
    async drain() {
      draining.abort();
      const tooLong = Promise.withResolvers<void>();
      stopped.signal.addEventListener('abort', () => tooLong.resolve());
      const cancel = clock.schedule(longestDrain, () => stopped.abort());
      while (sending.size > 0 && !stopped.signal.aborted) await Promise.race([tooLong.promise, ...sending]);
      cancel();
      if (queue.bytes > 0) drop('the operator is stopping');
    },
  };
}

/** Of its strings, and of the key under which it is counted, which repeats the note. */
function bytesOf({ note: { note, reason, regarding }, name }: Series): number {
  const { length } = `${regarding.namespace}${regarding.name}${regarding.uid}`;
  return overhead + 2 * (Buffer.byteLength(note) + reason.length + length) + name.length;
}

/** The API server requires it from the second time on. */
function seriesField({ count, lastAt }: Series) {
  return count < 2 ? {} : { series: { count, lastObservedTime: toMicroTime(lastAt) } };
}
