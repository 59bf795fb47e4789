import { describe, expect, it } from 'vitest';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { createEventHandlers } from '../../src/controller/event-handlers.ts';
import { objectWith } from '../plan/fixtures.ts';

const base = objectWith({ finalizer: true });

/** Handlers of an operator that manages every object by default. `next`: keys that what the object no longer reserves is free for. */
function createHandlers({
  isLeader = true,
  next = [] as readonly string[],
  isRelevant = true,
  unmanaged = undefined as VirtualMachine | undefined,
} = {}) {
  const calls: string[] = [];
  const timed: unknown[] = [];
  const opened: string[] = [];
  const handlers = createEventHandlers({
    queue: { add: (key, { priority } = {}) => void calls.push(`add ${key} ${priority}`) },
    machineIndex: { update: () => next, setAccount: (key, account) => void calls.push(`account ${key} ${account}`) },
    quota: { change: () => undefined },
    scope: {
      // A type predicate, as that of `Scope`.
      isManaged: (object): object is VirtualMachine => object !== undefined && object !== unmanaged,
      managed: (object) => (object === unmanaged ? undefined : object),
      isRelevant: () => isRelevant,
      matchesSelector: () => true,
      change() {},
    },
    secretIndex: { change() {}, usersOf: () => ['default/web'] },
    objectOf: () => base,
    reactionLatency: { specChanged: (key, before, after) => void timed.push([key, before, after]) },
    ownership: { change() {} },
    credentials: { invalidate: (secret) => void calls.push(`invalidate ${secret}`) },
    isLeading: () => isLeader,
    openConnection: () => void opened.push('opened'),
    reconciler: { onObjectChange: (key) => void calls.push(`recheck calls of ${key}`) },
  });
  return { handlers, calls, timed, opened };
}

const changed = { key: 'default/web', before: base, after: base, initial: false };

describe('a changed object', () => {
  it('is enqueued, its waiting calls are checked again, and so is the object that its reservation is free for', () => {
    const { handlers, calls } = createHandlers({ next: ['default/other'] });
    handlers.onObjectChange(changed);
    expect(calls).toEqual(['add default/web user', 'recheck calls of default/web', 'add default/other normal']);
  });

  it('of the initial list is enqueued behind all others', () => {
    const { handlers, calls } = createHandlers();
    handlers.onObjectChange({ ...changed, before: undefined, initial: true });
    expect(calls).toEqual(['add default/web resync', 'recheck calls of default/web']);
  });

  it('enqueues nothing out of scope', () => {
    const { handlers, calls } = createHandlers({ isRelevant: false });
    handlers.onObjectChange(changed);
    expect(calls).toEqual(['recheck calls of default/web']);
  });

  const { metadata } = base;
  const edited = { ...base, metadata: { ...metadata, generation: metadata.generation + 1 } };
  const deleted = { ...base, metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const reported = { ...base, status: { ...base.status, observedGeneration: 7 } };

  it.each<{
    what: string;
    before?: VirtualMachine;
    after?: VirtualMachine;
    initial?: boolean;
    isLeader?: boolean;
    opens: number;
  }>([
    { what: 'a new object', after: base, opens: 1 },
    { what: 'another spec', before: base, after: edited, opens: 1 },
    { what: 'a deletion', before: base, after: deleted, opens: 1 },
    { what: 'another status', before: base, after: reported, opens: 0 },
    { what: 'the removal of the last finalizer', before: deleted, opens: 0 },
    { what: 'the initial list', after: base, initial: true, opens: 0 },
    { what: 'another spec on standby', before: base, after: edited, isLeader: false, opens: 0 },
  ])(
    'opens $opens connections to the provider for $what',
    ({ before, after, initial = false, isLeader = true, opens }) => {
      const { handlers, opened } = createHandlers({ isLeader });
      handlers.onObjectChange({ key: 'default/web', before, after, initial });
      expect(opened).toHaveLength(opens);
    },
  );

  it('of another installation opens no connection', () => {
    const { handlers, opened } = createHandlers({ unmanaged: edited });
    handlers.onObjectChange({ ...changed, after: edited });
    expect(opened).toEqual([]);
  });

  it('is measured only while this installation manages it', () => {
    const theirs = objectWith({ annotations: { 'vps247.com/managed-by': 'other/operator' } });
    const { handlers, timed } = createHandlers({ unmanaged: theirs });
    handlers.onObjectChange({ ...changed, after: theirs });
    handlers.onObjectChange({ ...changed, before: theirs });
    expect(timed).toEqual([
      ['default/web', base, undefined],
      ['default/web', undefined, base],
    ]);
  });

  it('enqueues nothing on standby', () => {
    const { handlers, calls } = createHandlers({ isLeader: false, next: ['default/other'] });
    handlers.onObjectChange(changed);
    expect(calls).toEqual([]);
  });
});

describe('an account with news for an object', () => {
  it('enqueues the object behind changes of users, and its waiting calls are checked again', () => {
    const { handlers, calls } = createHandlers();
    handlers.onAccountChange('default/web');
    expect(calls).toEqual(['add default/web normal', 'recheck calls of default/web']);
  });
});

describe('a changed Secret', () => {
  it('is read again, and the objects that use it are enqueued without their account', () => {
    const { handlers, calls } = createHandlers();
    handlers.onSecretChange({ key: 'default/key', initial: false });
    expect(calls).toEqual(['invalidate default/key', 'account default/web undefined', 'add default/web user']);
  });

  it('of the initial list concerns no object, as none has been read', () => {
    const { handlers, calls } = createHandlers();
    handlers.onSecretChange({ key: 'default/key', initial: true });
    expect(calls).toEqual([]);
  });

  it('enqueues nothing on standby, and is read again all the same', () => {
    const { handlers, calls } = createHandlers({ isLeader: false });
    handlers.onSecretChange({ key: 'default/key', initial: false });
    expect(calls).toEqual(['invalidate default/key', 'account default/web undefined']);
  });
});
