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
