import type { Clock } from '../domain/clock.ts';
import type { QueueItem } from './queue-item.ts';

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
