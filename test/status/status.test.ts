import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { Secret } from '../../src/domain/secret.ts';
import { conditionsFor } from '../../src/status/conditions.ts';
import { equal, mergePatch } from '../../src/domain/json.ts';
import { isTrouble, isWorthWriting, statusFor } from '../../src/status/status.ts';
import { failure, machineIn, now, objectWith, observedWith, secondsAgo, uid } from '../plan/fixtures.ts';
import { assertProperty } from '../support/property.ts';

const accepted = { kind: 'Accepted' } as const;
const statusReason = (reason: Reason, message = 'because') => ({ reason, message });

describe('status', () => {
  const report = {
    statusReason: statusReason('Available'),
    operation: undefined,
    startFailure: undefined,
    handledRestart: undefined,
    plannedActions: undefined,
  };

  it('shows the VM as the provider reports it', () => {
    const machine = machineIn('Running', {
      hostname: 'web.example',
      addresses: [{ version: 4, address: '192.0.2.7', gateway: '192.0.2.1', prefixLength: 25 }],
      region: { id: 1 },
      package: { id: 2, name: 'Budget' },
      osTemplate: { id: 4 },
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-02T00:00:00Z',
      diskIds: [88],
    });
    expect(statusFor(observedWith({ id: 90, machine, spec: { osTemplate: { id: 4 } } }), report)).toMatchObject({
      observedGeneration: 1,
      id: 90,
      providerName: 'web-0a1b2c3d',
      origin: 'Created',
      ownerId: 1,
      state: 'Running',
      hostname: 'web.example',
      addresses: [{ version: 4, address: '192.0.2.7' }],
      region: { id: 1 },
      package: { id: 2, name: 'Budget' },
      osTemplate: { id: 4 },
      creationTime: '2026-01-01T00:00:00Z',
      updatedTime: '2026-01-02T00:00:00Z',
      diskIds: [88],
    });
  });

  const addresses = [{ version: 4, address: '192.0.2.7' }] as const;
  const specified = {
    region: { id: 1, name: 'Amsterdam 1' },
    package: { id: 2, name: 'Budget' },
    osTemplate: { id: 4, name: 'Debian 13 x64' },
  };
  const lastSeen = { state: 'Running', addresses, hostname: 'x', diskIds: [88], ...specified } as const;
  const unlisted = { state: 'Unknown', compared: "Unknown: the list doesn't contain the VM" } as const;
  const ambiguous = { ...unlisted, compared: "Unknown: it isn't known which VM is the one of this object" } as const;
  const heldStill = {
    state: 'Running',
    addresses,
    compared: 'True: VM 90 has the region, package and template of the spec',
  };
  const otherKey = { state: 'Unknown', addresses, compared: "Unknown: the API key doesn't show the VM" } as const;
  const rejectedKey = { credentials: { kind: 'Rejected', failure: undefined } } as const;
  const restored = {
    recordedFor: 'another-uid',
    status: { ...lastSeen, id: 90, origin: 'Created', internal: { objectUID: 'another-uid' } },
  } as const;

  it.each([
    { machine: { kind: 'NotYetSeen' }, shows: heldStill },
    { machine: { kind: 'ReadFailed', failure: failure() }, shows: heldStill },
    { machine: { kind: 'Unreadable', id: 90, problem: 'x', isOurs: true }, shows: heldStill },
    { machine: { kind: 'Unreadable', id: 91, problem: 'x', isOurs: true }, shows: unlisted },
    { machine: { kind: 'Unreadable', id: 91, problem: 'x', isOurs: false }, shows: unlisted },
    { machine: { kind: 'OtherAccount', ownerId: 2 }, shows: otherKey },
    { machine: { kind: 'OtherKey' }, shows: otherKey },
    { machine: { kind: 'NotOwn' }, shows: otherKey },
    {
      machine: { kind: 'OutcomeUnknown' },
      shows: { state: 'Unknown', addresses, compared: "Unknown: it isn't known whether the VM exists" },
    },
    { machine: { kind: 'AbsenceUnconfirmed' }, shows: unlisted },
    {
      machine: { kind: 'AbsenceRecent', id: 90, until: now },
      shows: { compared: "Unknown: the list doesn't contain the VM, and GET returns 404" },
    },
    { machine: { kind: 'MassAbsence', vanished: 5, of: 9 }, shows: unlisted },
    { machine: { kind: 'DuplicateName', name: 'web', ids: [91, 92] }, shows: ambiguous },
    { machine: 'Absent', shows: { compared: 'Unknown: the object has no VM' } },
    {
      machine: { kind: 'ReadFailed', failure: failure() },
      given: { observed: rejectedKey },
      shows: { state: 'Unknown', addresses, compared: "Unknown: the VM can't be read without a valid API key" },
    },
    {
      machine: { kind: 'NotYetSeen' },
      given: restored,
      shows: { compared: 'Unknown: the object carries the identity of another object, so it has no VM to compare' },
    },
  ] as const)('keeps for an unreadable VM what still holds: $machine', ({ machine, shows, ...more }) => {
    const given = 'given' in more ? more.given : {};
    const shown = statusFor(
      observedWith({ id: 90, machine, status: lastSeen, spec: { osTemplate: { id: 4 } }, ...given }),
      report,
    );
    const { status, message } = shown.conditions?.find(({ type }) => type === 'AsSpecified') ?? {};
    const columns = { state: shown.state, addresses: shown.addresses, compared: `${status}: ${message}` };
    expect(columns).toEqual({ state: undefined, addresses: undefined, ...shows });
    const isUnlisted = !('addresses' in shows);
    expect([shown.hostname, shown.diskIds]).toEqual(isUnlisted ? [undefined, undefined] : ['x', [88]]);
    const isGone = machine === 'Absent' || machine.kind === 'AbsenceRecent';
    const isToStay = !isGone && !('recordedFor' in given);
    expect(shown.region).toEqual(isToStay ? specified.region : undefined);
  });

  const noVm = 'no VM of this object is known yet';

  it.each([
    { machine: { kind: 'NotYetSeen' }, says: noVm },
    { machine: { kind: 'ReadFailed', failure: failure() }, says: noVm },
    { machine: { kind: 'NotYetSeen' }, observed: { credentials: { kind: 'Missing', message: '' } }, says: noVm },
    { machine: { kind: 'NotYetSeen' }, observed: rejectedKey, says: noVm },
    { machine: { kind: 'Unreadable', id: 7, problem: 'x', isOurs: false }, says: noVm },
    { machine: { kind: 'MassAbsence', vanished: 5, of: 9 }, says: noVm },
    { machine: { kind: 'AbsenceUnconfirmed' }, spec: { adoption: { policy: 'MustExist', id: 7 } }, says: noVm },
    { machine: { kind: 'OutcomeUnknown' }, says: "it isn't known whether the VM exists" },
    { machine: 'Absent', says: 'the object has no VM' },
  ] as const)('says of an object without a VM that there is nothing to compare: $machine', ({ says, ...given }) => {
    const { conditions } = statusFor(observedWith(given), report);
    expect(conditions?.find(({ type }) => type === 'AsSpecified')).toMatchObject({ status: 'Unknown', message: says });
  });

  it.each([
    { machine: { kind: 'ReadFailed', failure: failure() }, ready: 'True' },
    { machine: { kind: 'AbsenceUnconfirmed' }, ready: 'Unknown' },
    { machine: 'Absent', ready: 'Unknown' },
  ] as const)('does not keep Ready for a VM that may be deleted: $machine', ({ machine, ready }) => {
    const before = conditionsFor(
      statusReason('Available'),
      { credentials: accepted, generation: 1, comparison: { result: 'Same', message: '' } },
      now,
    );
    const observed = observedWith({ id: 90, machine, status: { ...lastSeen, conditions: before } });
    const { conditions } = statusFor(observed, { ...report, statusReason: statusReason('Paused') });
    expect(conditions?.find(({ type }) => type === 'Ready')?.status).toBe(ready);
  });

  it.each([
    { machine: 'Running', recorded: 'hash-of-the-key' },
    { machine: 'Absent', recorded: 'hash-of-another-key' },
    { machine: { kind: 'AbsenceUnconfirmed' }, recorded: 'hash-of-another-key' },
    { machine: { kind: 'OtherAccount', ownerId: 2 }, recorded: 'hash-of-another-key' },
  ] as const)('records the key that last showed the VM, and no other: $machine', ({ machine, recorded }) => {
    const observed = observedWith({ id: 90, machine, status: { internal: { apiKeyHash: 'hash-of-another-key' } } });
    expect(statusFor(observed, report).internal?.apiKeyHash).toBe(recorded);
  });

  it('removes state and addresses of a VM that is confirmed deleted', () => {
    const observed = observedWith({
      id: 90,
      machine: 'Absent',
      status: { state: 'Running', hostname: 'x', ownerId: 1 },
    });
    const status = statusFor(observed, report);
    expect([status.state, status.hostname, status.addresses, status.ownerId]).toEqual([
      undefined,
      undefined,
      undefined,
      1,
    ]);
  });

  it('does not use the password Secret of an earlier VM for a new one', () => {
    const observed = observedWith({
      id: 90,
      machine: 'Absent',
      status: { id: 90, initialPasswordSecret: { name: 'x' } },
      history: { passwordSecret: 'x' },
    });
    expect(
      statusFor(observed, { ...report, record: { id: 91, origin: 'Created', name: 'web' } }).initialPasswordSecret,
    ).toBeUndefined();
  });

  const seen = {
    hostname: 'web.example',
    ownerId: 1,
    state: 'Running',
    addresses: [{ version: 4, address: '192.0.2.7' }],
    region: { id: 1, name: 'Amsterdam 1' },
    package: { id: 2, name: 'Budget' },
    osTemplate: { id: 4 },
    creationTime: '2026-01-01T00:00:00Z',
    initialPasswordSecret: { name: 'x' },
    internal: { apiKeyHash: 'hash-of-another-key', usesDefaultCredentials: true, lastSyncedPowerState: 'Halted' },
    lastTask: { id: 7, name: 'VmStop', status: 'failed' },
    diskIds: [88],
    updatedTime: '2026-01-02T00:00:00Z',
  } as const satisfies Partial<VirtualMachineStatus>;
  const handled = { lastRestartRequest: 'two', lastHandledReconcileAt: '2026-05-01' } as const;
  const ofCreated = { deletionPolicy: 'Delete', onExternalDelete: 'Recreate' } as const;
  const busy = { ...report, statusReason: statusReason('ProviderUnavailable') };

  it("keeps all identifying records of the VM and the user's requests when a reconciliation learns nothing", () => {
    const observed = observedWith({
      id: 90,
      machine: { kind: 'ReadFailed', failure: failure() },
      status: { ...seen, ...handled, operation: { type: 'Stop', startTime: secondsAgo(5), attempts: 1 } },
    });
    const { observedGeneration, conditions, ...status } = statusFor(observed, busy);
    expect(status).toEqual({
      id: 90,
      providerName: 'web-0a1b2c3d',
      origin: 'Created',
      ...seen,
      ...handled,
      ...ofCreated,
      internal: { objectUID: uid, ...seen.internal },
    });
    expect([observedGeneration, conditions?.length]).toEqual([1, 5]);
  });

  it('keeps nothing of another VM', () => {
    const observed = observedWith({
      id: 90,
      machine: { kind: 'AbsenceUnconfirmed' },
      status: { ...seen, ...handled },
    });
    const record = { id: 91, origin: 'Created', name: 'web' } as const;
    const { observedGeneration: _, conditions: _conditions, ...status } = statusFor(observed, { ...busy, record });
    expect(status).toEqual({
      id: 91,
      providerName: 'web',
      origin: 'Created',
      ...handled,
      ...ofCreated,
      internal: { objectUID: uid, apiKeyHash: 'hash-of-the-key' },
    });
  });

  it('reports the result of the reconciliation', () => {
    const did = {
      operation: { type: 'Stop', startTime: secondsAgo(5), attempts: 1 },
      startFailure: { count: 2, lastTime: secondsAgo(5) },
      plannedActions: [],
    } as const;
    const observed = observedWith({
      id: 90,
      machine: 'Running',
      status: { ...seen, ...handled },
      history: { passwordSecret: 'new' },
      observed: { isDefaultKey: false, orphanCandidates: [{ id: 7, name: 'web-1' }] },
    });
    const requests = { ...observed.requests, reconcile: '2026-06-01' };
    const status = statusFor(
      { ...observed, requests },
      { ...report, ...did, handledRestart: 'three', state: 'Halting' },
    );
    expect(status).toMatchObject({
      ...did,
      state: 'Halting',
      lastRestartRequest: 'three',
      initialPasswordSecret: { name: 'x' },
      lastHandledReconcileAt: '2026-06-01',
      orphanCandidates: [{ id: 7, name: 'web-1' }],
    });
    expect(status.internal).toEqual({
      objectUID: uid,
      apiKeyHash: 'hash-of-the-key',
      lastSyncedPowerState: 'Running',
    });
  });

  it.each([
    { managementPolicy: 'Observe', shown: 90 },
    { managementPolicy: 'Manage', shown: undefined },
  ] as const)(
    'shows the id of an adoptable VM without a record: $managementPolicy → $shown',
    ({ shown, ...policy }) => {
      const spec = { ...policy, adoption: { policy: 'MustExist', id: 90 } } as const;
      const status = statusFor(observedWith({ machine: 'Running', spec }), report);
      expect([status.id, status.origin, status.internal?.objectUID]).toEqual([shown, undefined, undefined]);
    },
  );

  it('is complete for an object that has none yet', () => {
    const { status: _, ...object } = objectWith();
    const { conditions, ...status } = statusFor(observedWith({ observed: { object } }), busy);
    expect(status).toEqual({ observedGeneration: 1, providerName: 'web-0a1b2c3d' });
    expect(conditions?.map(({ type }) => type)).toEqual([
      'Ready',
      'AsSpecified',
      'Synced',
      'CredentialsValid',
      'Reconciling',
    ]);
  });

  it('names the Secret that this process stored the password in', () => {
    const observed = observedWith({ id: 90, machine: 'Running', history: { passwordSecret: 'new' } });
    expect(statusFor(observed, report).initialPasswordSecret).toEqual({ name: 'new' });
  });

  it.each([
    { id: 90, origin: 'Created', providerName: 'web', ownerId: 7, internal: { objectUID: 'other' } },
    { id: 90, origin: 'Adopted', providerName: 'web', internal: { objectUID: 'other' } },
  ] as const)('keeps the record of another object as it is: %j', (record) => {
    const status = statusFor(observedWith({ machine: { kind: 'AbsenceUnconfirmed' }, status: record }), busy);
    expect(status).toMatchObject(record);
    expect(status.ownerId).toBe('ownerId' in record ? record.ownerId : undefined);
  });

  it.each([
    { because: 'a VM with the name of the recorded one', observed: { duplicates: [91] }, reason: 'DuplicateMachine' },
    {
      because: 'a password that the API server refuses',
      history: { passwordConflict: { reason: 'InitialPasswordNotStored' as const, message: 'Forbidden' } },
      reason: 'InitialPasswordNotStored',
    },
    {
      because: 'a password Secret',
      history: { passwordConflict: { reason: 'InitialPasswordConflict' as const, message: 'taken' } },
      reason: 'InitialPasswordConflict',
    },
    { because: 'nothing', reason: 'Available' },
  ])('reports failures besides the VM in Synced: $because', ({ observed = {}, history = {}, reason }) => {
    const { conditions } = statusFor(observedWith({ id: 90, machine: 'Running', observed, history }), report);
    const [ready, , synced] = conditions ?? [];
    expect([ready?.reason, synced?.reason]).toEqual(['Available', reason]);
    expect(synced?.status).toBe(reason === 'Available' ? 'True' : 'False');
    expect([isTrouble(reason), isTrouble(undefined)]).toEqual([reason !== 'Available', false]);
  });

  it.each([
    ['pending', true],
    ['failed', true],
    ['complete', false],
    ['a status that this version does not know', false],
  ])('shows a task of the provider that is %s: %s', (status, isShown) => {
    const lastTask = { id: 7, name: 'VmStart', status, progress: '40' };
    const shown = statusFor(observedWith({ id: 90, machine: machineIn('Running', { lastTask }) }), report).lastTask;
    expect(shown).toEqual(isShown ? lastTask : undefined);
  });

  it('never contains the initial password', () => {
    const machine = machineIn('Running', { initialPassword: new Secret('hunter2') });
    expect(JSON.stringify(statusFor(observedWith({ id: 90, machine }), report))).not.toMatch(/hunter2|redacted/);
  });
});

const statusWith = (reason: Reason, message: string) => ({
  observedGeneration: 1,
  conditions: conditionsFor(
    statusReason(reason, message),
    { credentials: accepted, generation: 1, comparison: { result: 'Same', message: 'as specified' } },
    now,
  ),
});

describe('a write', () => {
  const operation = { type: 'Stop', startTime: secondsAgo(5), attempts: 1 } as const;

  it('is not needed without a difference', () => {
    expect(
      isWorthWriting({ observedGeneration: 1, state: 'Running' }, { observedGeneration: 1, state: 'Running' }),
    ).toBe(false);
  });

  it('is not needed when only the state changes during a reported operation', () => {
    const before = { observedGeneration: 1, state: 'Halting', operation } as const;
    expect(isWorthWriting(before, { ...before, state: 'Running' })).toBe(false);
    expect(isWorthWriting(before, { observedGeneration: 1, state: 'Halted' })).toBe(true);
    expect(isWorthWriting(before, { ...before, state: 'Running', hostname: 'new' })).toBe(true);
    expect(isWorthWriting({ ...before, operation: { ...operation, attempts: 2 } }, before)).toBe(true);
    expect(isWorthWriting({ observedGeneration: 1, state: 'Running' }, { observedGeneration: 1 })).toBe(true);
    expect(isWorthWriting(undefined, before)).toBe(true);
  });

  it.each([
    { because: 'a task began', before: undefined, after: { name: 'VmBackup', status: 'pending' }, worth: false },
    {
      because: 'a task continues',
      before: { name: 'VmBackup', status: 'pending' },
      after: { name: 'VmBackup', status: 'running', progress: '40' },
      worth: false,
    },
    { because: 'a task ended', before: { name: 'VmBackup', status: 'running' }, after: undefined, worth: true },
    { because: 'a task failed', before: undefined, after: { name: 'VmBackup', status: 'failed' }, worth: true },
    {
      because: 'it is tried again',
      before: { name: 'VmBackup', status: 'failed' },
      after: { name: 'VmBackup', status: 'running' },
      worth: false,
    },
  ])('for a task of the provider: $because → $worth', ({ before, after, worth }) => {
    const status = { observedGeneration: 1, state: 'Running' } as const;
    const withTask = (lastTask: VirtualMachineStatus['lastTask']) =>
      lastTask === undefined ? status : { ...status, lastTask };
    expect(isWorthWriting(withTask(before), withTask(after))).toBe(worth);
    expect(isWorthWriting({ ...withTask(before), hostname: 'old' }, withTask(after))).toBe(true);
  });

  it('is not needed for the time of the last action alone', () => {
    const before = { observedGeneration: 1, state: 'Running', updatedTime: secondsAgo(60) } as const;
    expect(isWorthWriting(before, { ...before, updatedTime: secondsAgo(5) })).toBe(false);
    expect(isWorthWriting(before, { ...before, updatedTime: secondsAgo(5), state: 'Halted' })).toBe(true);
  });

  it('is not needed for the password Secret alone while the VM is being provisioned', () => {
    const before = { observedGeneration: 1, state: 'Pending' } as const;
    const initialPasswordSecret = { name: 'web-initial-password' };
    expect(isWorthWriting(before, { ...before, initialPasswordSecret })).toBe(false);
    expect(isWorthWriting(before, { ...before, initialPasswordSecret, state: 'Running' })).toBe(true);
    expect(
      isWorthWriting({ ...before, state: 'Running' }, { ...before, initialPasswordSecret, state: 'Running' }),
    ).toBe(true);
  });

  it('is not needed when the provider only words the same problem differently', () => {
    for (const reason of ['ProviderUnavailable', 'ProtocolError', 'CredentialsRejected'] as const) {
      const before = statusWith(reason, 'request 17 failed');
      expect(isWorthWriting(before, statusWith(reason, 'request 18 failed'))).toBe(false);
      expect(isWorthWriting(before, statusWith('NameConflict', 'request 17 failed'))).toBe(true);
    }
    expect(isWorthWriting(statusWith('NameConflict', 'a'), statusWith('NameConflict', 'b'))).toBe(true);
  });

  it.each<[a: unknown, b: unknown, expected: boolean]>([
    [[], {}, false],
    [[], undefined, false],
    [[], null, false],
    [null, {}, false],
    [undefined, {}, false],
    [null, undefined, false],
    ['', [], false],
    ['a', 'b', false],
    [[1], [1, 2], false],
    [[1, 2], [1, 3], false],
    [[{ a: 1 }], [{ a: 1 }], true],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: { b: [1] } }, { a: { b: [2] } }, false],
  ])('%j equals %j: %s', (a, b, expected) => {
    expect([equal(a, b), equal(b, a)]).toEqual([expected, expected]);
  });

  it.each<[before: unknown, after: unknown]>([
    [null, { a: 1 }],
    ['text', { a: 1 }],
    [{ a: 1 }, [1]],
  ])('replaces %j by %j as a whole', (before, after) => {
    expect(mergePatch(before, after)).toEqual(after);
  });

  it('contains the differences: null for removed values, complete lists', () => {
    const before = { a: 1, gone: 2, nested: { keep: 1, drop: 2 }, list: [1, 2] };
    const after = { a: 1, nested: { keep: 1, add: 3 }, list: [2] };
    expect(mergePatch(before, after)).toEqual({ gone: null, nested: { drop: null, add: 3 }, list: [2] });
  });

  it('applied (RFC 7386), gives the new status, for any two statuses', async () => {
    const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer()));
    const tree = fc.letrec((tie) => ({
      node: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(leaf, tie('node')), { maxKeys: 3 }),
    })).node;
    await assertProperty(
      fc.property(tree, tree, (before, after) => {
        expect(equal(apply(before, mergePatch(before, after)), after)).toBe(true);
      }),
    );
  });
});

/** RFC 7386, section 2, as written there. */
function apply(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = apply(result[key], value);
  }
  return result;
}
