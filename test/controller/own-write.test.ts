import { describe, expect, it, test } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { ObjectMeta, VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { isOnlyOwnWrite } from '../../src/controller/event-handlers.ts';
import type { OwnWrite } from '../../src/controller/own-write.ts';
import { WorkQueue } from '../../src/controller/work-queue.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const base = objectWith({ finalizer: true });

function version(resourceVersion: string, more: Partial<ObjectMeta> = {}): VirtualMachine {
  return { ...base, metadata: { ...base.metadata, resourceVersion, ...more } };
}

const status = (resourceVersion: string, isStatusAsSent = true): OwnWrite => ({ resourceVersion, isStatusAsSent });
const intent = { annotations: { [annotations.createPending]: 'x' } };
const sent = { finalizers: base.metadata.finalizers ?? [], ...intent };
const metadata = (resourceVersion: string, replaced: string): OwnWrite => ({
  resourceVersion,
  replaced,
  metadata: sent,
});
const record = (isStatusAsSent: boolean): OwnWrite => ({ resourceVersion: '6', replaced: '5', isStatusAsSent });

const paused = { annotations: { ...intent.annotations, [annotations.paused]: 'true' } };

interface Row {
  readonly change: string;
  readonly before?: VirtualMachine | undefined;
  readonly after: VirtualMachine | undefined;
  readonly write: OwnWrite;
  readonly isOnly: boolean;
}

describe('a change of an object cached with version 5 is nothing but the own write', () => {
  it.each<Row>([
    { change: 'from the demanded version', after: version('6', intent), write: metadata('6', '5'), isOnly: true },
    { change: 'that a policy paused', after: version('6', paused), write: metadata('6', '5'), isOnly: false },
    {
      change: 'that a policy labeled',
      after: version('6', { ...intent, fingerprint: 1 }),
      write: metadata('6', '5'),
      isOnly: false,
    },
    {
      change: 'whose finalizer a policy removed',
      after: version('6', { ...intent, finalizers: [] }),
      write: metadata('6', '5'),
      isOnly: false,
    },
    {
      change: 'with a spec of a policy',
      after: version('6', { ...intent, generation: 9 }),
      write: metadata('6', '5'),
      isOnly: false,
    },
    {
      change: 'that removes an annotation',
      before: version('5', intent),
      after: version('6', { annotations: {} }),
      write: { ...metadata('6', '5'), metadata: { ...sent, annotations: { [annotations.createPending]: null } } },
      isOnly: true,
    },
    {
      change: 'that removes the only finalizer',
      after: version('6', { ...intent, finalizers: [] }),
      write: { ...metadata('6', '5'), metadata: { ...sent, finalizers: [] } },
      isOnly: true,
    },
    {
      change: 'that adds an annotation whose name sorts before others',
      before: version('5', { annotations: { [annotations.paused]: 'false' } }),
      after: version('6', { annotations: { ...intent.annotations, [annotations.paused]: 'false' } }),
      write: metadata('6', '5'),
      isOnly: true,
    },
    { change: 'that stores nothing of the patch', after: version('6'), write: metadata('6', '5'), isOnly: false },
    { change: 'of the record before a call', after: version('6'), write: record(true), isOnly: true },
    { change: 'of the record, otherwise than sent', after: version('6'), write: record(false), isOnly: false },
    { change: 'by another write', after: version('6', intent), write: metadata('7', '6'), isOnly: false },
    { change: 'from a version read elsewhere', after: version('7', intent), write: metadata('7', '6'), isOnly: false },
    {
      change: 'that the write found there already',
      after: version('6', intent),
      write: metadata('6', '6'),
      isOnly: false,
    },
    { change: 'of the status', after: version('6'), write: status('6'), isOnly: true },
    { change: 'of the status, otherwise than sent', after: version('6'), write: status('6', false), isOnly: false },
    { change: 'by another status', after: version('7'), write: status('6'), isOnly: false },
    { change: 'with a new spec before it', after: version('7', { generation: 9 }), write: status('7'), isOnly: false },
    { change: 'with a label before it', after: version('7', { fingerprint: 1 }), write: status('7'), isOnly: false },
    { change: 'with an annotation before it', after: version('7', intent), write: status('7'), isOnly: false },
    { change: 'with a deletion', after: version('7', { deletionTimestamp: 'x' }), write: status('7'), isOnly: false },
    { change: 'with another finalizer', after: version('7', { finalizers: [] }), write: status('7'), isOnly: false },
    { change: 'that created it', before: undefined, after: version('6'), write: status('6'), isOnly: false },
    { change: 'that removed it', after: undefined, write: metadata('6', '5'), isOnly: false },
    {
      change: 'from another object of the same name',
      after: version('7', { uid: 'another' }),
      write: status('7'),
      isOnly: false,
    },
  ])('$change: $isOnly', ({ after, write, isOnly, ...row }) => {
    expect(isOnlyOwnWrite('before' in row ? row.before : version('5'), after, write)).toBe(isOnly);
  });
});

test.each<{ what: string; add: (queue: WorkQueue) => void; isQueued: boolean }>([
  {
    what: 'the write alone',
    add: (queue) => queue.add('a', { isOnly: ({ resourceVersion }) => resourceVersion === '6' }),
    isQueued: false,
  },
  {
    what: 'another write',
    add: (queue) => queue.add('a', { isOnly: ({ resourceVersion }) => resourceVersion === '5' }),
    isQueued: true,
  },
  { what: 'another reason', add: (queue) => queue.add('a'), isQueued: true },
  {
    what: 'the write and another reason before it',
    add: (queue) => {
      queue.add('a');
      queue.add('a', { isOnly: () => true });
    },
    isQueued: true,
  },
  {
    what: 'the write and another reason after it',
    add: (queue) => {
      queue.add('a', { isOnly: () => true });
      queue.add('a', { priority: 'resync' });
    },
    isQueued: true,
  },
])(
  'a key added during its reconciliation for $what is queued again ($isQueued) after the answer',
  async ({ add, isQueued }) => {
    const queue = new WorkQueue({ clock: createManualClock(), random: () => 0 });
    queue.add('a');
    await queue.get();
    add(queue);
    queue.discard('a', metadata('6', '5'));
    queue.done('a');
    expect(queue.depth).toBe(isQueued ? 1 : 0);
  },
);

test('a key that is not reconciled stays in the queue, whatever it was added for', async () => {
  const queue = new WorkQueue({ clock: createManualClock(), random: () => 0 });
  queue.add('a', { isOnly: () => true });
  queue.discard('a', metadata('6', '5'));
  expect(queue.depth).toBe(1);
});
