import { describe, expect, it } from 'vitest';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { createEventHandlers } from '../../src/controller/event-handlers.ts';
import { objectWith } from '../plan/fixtures.ts';

const base = objectWith({ finalizer: true });

/** Handlers of an operator that manages every object. `next`: keys that what the object no longer reserves is free for. */
function createHandlers({ isLeader = true, next = [] as readonly string[], isRelevant = true } = {}) {
  const calls: string[] = [];
  const handlers = createEventHandlers({
    queue: { add: (key, { priority } = {}) => void calls.push(`add ${key} ${priority}`) },
    machineIndex: { update: () => next, setAccount: (key, account) => void calls.push(`account ${key} ${account}`) },
    quota: { change: () => undefined },
    scope: {
      // A type predicate, as that of `Scope`.
      isManaged: (object): object is VirtualMachine => object !== undefined,
      isRelevant: () => isRelevant,
      matchesSelector: () => true,
      change() {},
    },
    secretIndex: { change() {}, usersOf: () => ['default/web'] },
    objectOf: () => base,
    fleet: { change() {} },
    reactionLatency: { specChanged() {} },
    ownership: { change() {} },
    credentials: { invalidate: (secret) => void calls.push(`invalidate ${secret}`) },
    reconciler: () => (isLeader ? { onObjectChange: (key) => void calls.push(`recheck calls of ${key}`) } : undefined),
  });
  return { handlers, calls };
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

  it('enqueues nothing on standby', () => {
    const { handlers, calls } = createHandlers({ isLeader: false, next: ['default/other'] });
    handlers.onObjectChange(changed);
    expect(calls).toEqual([]);
  });
});

describe('a changed Secret', () => {
  it('is read again, and the objects that use it are enqueued without their account', () => {
    const { handlers, calls } = createHandlers();
    handlers.onSecretChange('default/key');
    expect(calls).toEqual(['invalidate default/key', 'account default/web undefined', 'add default/web user']);
  });

  it('enqueues nothing on standby, and is read again all the same', () => {
    const { handlers, calls } = createHandlers({ isLeader: false });
    handlers.onSecretChange('default/key');
    expect(calls).toEqual(['invalidate default/key', 'account default/web undefined']);
  });
});
