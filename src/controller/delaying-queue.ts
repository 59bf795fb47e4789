import type { Clock } from '../domain/clock.ts';

interface Entry {
  readonly key: string;
  readonly due: number;
}

/** Keys that become due later, each once, at the earliest time requested. One timer serves all of them. */
export class DelayingQueue {
  readonly #clock: Clock;
  readonly #onDue: (key: string) => void;
  readonly #dueByKey = new Map<string, number>();
  /** A binary heap by `due`; entries that `#dueByKey` doesn't confirm are stale. */
  #heap: Entry[] = [];
  #timer: { readonly due: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, onDue: (key: string) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(key: string, milliseconds: number): void {
    const due = this.#clock.monotonic() + milliseconds;
    const known = this.#dueByKey.get(key);
    if (known !== undefined && known <= due) return;
    this.#dueByKey.set(key, due);
    this.#push({ key, due });
    this.#arm();
  }

  remove(key: string): void {
    if (!this.#dueByKey.delete(key) || this.#heap.length < 64 + 2 * this.#dueByKey.size) return;
    // Keys that are delayed again and again must not fill the heap with stale entries.
    this.#heap = [...this.#dueByKey].map(([name, due]) => ({ key: name, due })).toSorted((a, b) => a.due - b.due);
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueByKey.clear();
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
      if (this.#dueByKey.get(first.key) !== first.due) continue;
      this.#dueByKey.delete(first.key);
      this.#onDue(first.key);
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
