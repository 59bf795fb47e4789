import type { Clock } from '../../../src/domain/clock.ts';
import type { WatchEvent, WatchOptions } from '../../../src/kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../../src/kubernetes/errors.ts';

export interface OpenWatch {
  readonly options: WatchOptions;
  send(event: WatchEvent): void;
  /** Without a reason it ends in order. */
  end(reason?: KubeErrorReason): void;
}

type Published = Readonly<{ version: number; event: WatchEvent; isFor: (options: WatchOptions) => boolean }>;

export interface WatchesOptions {
  /** The newest resourceVersion. */
  readonly version: () => number;
  /** A watch that begins later gets so many earlier events; an older resourceVersion is gone. */
  readonly mostHistory?: number;
  /** With a clock, watches end after their timeout and get bookmarks, so that none counts as silent. */
  readonly clock?: Clock;
}

const bookmarkEvery = 60_000;

/** The watches of an API server in memory, which begin from history. */
export class Watches {
  readonly open = new Set<OpenWatch>();
  readonly #options: WatchesOptions;
  readonly #history: Published[] = [];
  #oldest = 0;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Stores an event for later watches; `send` delivers it to the open ones. */
  record(published: Published): void {
    this.#history.push(published);
    const forgotten =
      this.#history.length > (this.#options.mostHistory ?? Infinity) ? this.#history.shift() : undefined;
    if (forgotten !== undefined) this.#oldest = forgotten.version;
  }

  send({ version, event, isFor }: Published): void {
    for (const { options, send } of this.open) {
      // A watch reports only events after its start, however long the server takes.
      if (version <= Number(options.resourceVersion)) continue;
      if (isFor(options)) send(event);
    }
  }

  bookmark(): void {
    for (const watch of this.open) this.#bookmark(watch);
  }

  /** Throws history away: a watch from before is refused. */
  compact(): void {
    this.#oldest = this.#options.version();
    this.#history.length = 0;
  }

  /** Another history begins, with lower versions: open watches go on. */
  restore(): void {
    this.#history.length = 0;
  }

  /** Begins with `initial`, or with what happened after the resourceVersion. */
  async *watch(options: WatchOptions, initial?: readonly WatchEvent[]): AsyncIterable<WatchEvent> {
    const { resourceVersion, signal, timeoutSeconds } = options;
    const since = Number(resourceVersion);
    if (initial === undefined && since < this.#oldest) throw new KubeError('watch', { reason: 'Gone' });
    const earlier = this.#history.filter(({ version, isFor }) => version > since && isFor(options));
    const events = [...(initial ?? earlier.map(({ event }) => event))];
    let wake: (() => void) | undefined;
    let end: { readonly reason: KubeErrorReason | undefined } | undefined;
    const watch: OpenWatch = {
      options,
      send(event) {
        events.push(event);
        wake?.();
      },
      end(reason) {
        end ??= { reason };
        wake?.();
      },
    };
    signal.addEventListener('abort', () => watch.end());
    if (signal.aborted) watch.end();
    this.open.add(watch);
    const cancelEnd = this.#options.clock?.schedule(timeoutSeconds * 1_000, () => watch.end());
    this.#bookmarkRegularly(watch);
    options.onOpen?.();
    try {
      for (;;) {
        for (let event = events.shift(); event !== undefined; event = events.shift()) yield event;
        if (end?.reason !== undefined) throw new KubeError('watch', { reason: end.reason });
        if (end !== undefined) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      cancelEnd?.();
      this.open.delete(watch);
    }
  }

  #bookmarkRegularly(watch: OpenWatch): void {
    this.#options.clock?.schedule(bookmarkEvery, () => {
      if (!this.open.has(watch)) return;
      this.#bookmark(watch);
      this.#bookmarkRegularly(watch);
    });
  }

  #bookmark({ options, send }: OpenWatch): void {
    const version = this.#options.version();
    if (version < Number(options.resourceVersion)) return;
    send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } });
  }
}
