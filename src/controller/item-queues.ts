import type { Clock } from '../domain/clock.ts';
import type { OwnWrite } from './own-write.ts';

/** Why a key is added, the highest priority first: a user changed the object; it is due; a resync of all objects. */
export type Priority = 'user' | 'normal' | 'resync';

/** Everything that the work queue stores for one key, as long as the key waits, is processed, delayed or failing. */
export interface QueueItem {
  readonly key: string;
  /** Why it waits for a worker, and since when (monotonic). Written by `WorkQueue`. */
  waiting: Waiting | undefined;
  /** A worker has it. Written by `WorkQueue`. */
  processing: Processing | undefined;
  /** When (monotonic) it is added. Written by `DelayingQueue`. */
  dueAt: number | undefined;
  /** Failures in a row, and the error of the last one. Written by `WorkQueue`. */
  failures: number;
  lastError: string | undefined;
}

export interface Waiting {
  readonly priority: Priority;
  readonly since: number;
}

interface Processing {
  /** Milliseconds that it waited for its worker. */
  readonly waited: number;
  /** Added again while it is processed. */
  dirty: Again | undefined;
}

export interface Again extends Waiting {
  /** Whether it was added for nothing but this write. Undefined: for another reason, or for several. */
  readonly isOnly: ((write: OwnWrite) => boolean) | undefined;
}

export function createQueueItem(key: string): QueueItem {
  return {
    key,
    waiting: undefined,
    processing: undefined,
    dueAt: undefined,
    failures: 0,
    lastError: undefined,
  };
}

/** Whether nothing is left to store for the key. */
export function isIdle({ waiting, processing, dueAt, failures }: QueueItem): boolean {
  return waiting === undefined && processing === undefined && dueAt === undefined && failures === 0;
}

interface Entry {
  readonly item: QueueItem;
  readonly due: number;
}

/** Items that become due later, each once, at the earliest time requested. One timer serves all of them. */
export class DelayingQueue {
  readonly #clock: Clock;
  readonly #onDue: (item: QueueItem) => void;
  /** How many items are delayed. */
  #size = 0;
  /** A binary heap by `due`; entries that `dueAt` of their item doesn't confirm are stale. */
  #heap: Entry[] = [];
  #timer: { readonly due: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, onDue: (item: QueueItem) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(item: QueueItem, milliseconds: number): void {
    const due = this.#clock.monotonic() + milliseconds;
    if (item.dueAt !== undefined && item.dueAt <= due) return;
    if (item.dueAt === undefined) this.#size += 1;
    item.dueAt = due;
    this.#push({ item, due });
    this.#arm();
  }

  remove(item: QueueItem): void {
    if (item.dueAt === undefined) return;
    item.dueAt = undefined;
    this.#size -= 1;
    if (this.#heap.length < 64 + 2 * this.#size) return;
    // Keys that are delayed again and again must not fill the heap with stale entries.
    this.#heap = this.#heap.filter(isConfirmed).toSorted((a, b) => a.due - b.due);
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { item } of this.#heap) item.dueAt = undefined;
    this.#size = 0;
    this.#heap = [];
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || (this.#timer !== undefined && this.#timer.due <= first.due)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.schedule(first.due - this.#clock.monotonic(), () => this.#ring());
    this.#timer = { due: first.due, cancel };
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.#pop();
      if (!isConfirmed(first)) continue;
      first.item.dueAt = undefined;
      this.#size -= 1;
      this.#onDue(first.item);
    }
    this.#arm();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || parent.due <= entry.due) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = left !== undefined && right !== undefined && right.due < left.due;
      const child = isRight ? right : left;
      if (child === undefined || child.due >= last.due) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isConfirmed({ item, due }: Entry): boolean {
  return item.dueAt === due;
}
