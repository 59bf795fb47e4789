import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { Condition, VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { Secret } from '../../src/model/secret.ts';
import { conditionsFor, isDeletionOnRecord, withTrouble } from '../../src/status/conditions.ts';
import { equal, isTrouble, isWorthWriting, mergePatch, statusFor } from '../../src/status/status.ts';
import { failure, machineIn, now, objectWith, observedWith, secondsAgo, uid } from '../plan/fixtures.ts';
import { assertProperty } from '../support/property.ts';

const accepted = { kind: 'Accepted' } as const;
const verdict = (reason: Reason, message = 'because') => ({ reason, message });
const statusOf = (conditions: readonly Condition[], type: string) => conditions.find((c) => c.type === type)?.status;

describe('conditions', () => {
  it.each(Object.entries(reasons))('%s shows what its row says', (reason, row) => {
    // Object.entries forgets that the keys are reasons.
    const conditions = conditionsFor(verdict(reason as Reason), { credentials: accepted, generation: 3 }, now);
    expect(statusOf(conditions, 'Ready')).toBe(row.ready === 'Keep' ? 'False' : row.ready);
    expect(statusOf(conditions, 'Synced')).toBe(row.synced);
    expect(statusOf(conditions, 'Reconciling')).toBe(row.progress === 'Reconciling' ? 'True' : undefined);
    expect(statusOf(conditions, 'Stalled')).toBe(row.progress === 'Stalled' ? 'True' : undefined);
    expect(statusOf(conditions, 'Paused')).toBe(row.shows === 'Paused' ? 'True' : undefined);
    expect(statusOf(conditions, 'DeletionBlocked')).toBeUndefined();
    expect(conditions.every((condition) => condition.observedGeneration === 3)).toBe(true);
  });

  it('leaves a Ready VM Ready for reasons that say nothing about the VM, and for no others', () => {
    const context = { credentials: accepted, generation: 1 };
    const before = conditionsFor(verdict('Available'), context, now);
    // `as`: Object.keys forgets that the keys are reasons.
    const names = Object.keys(reasons) as Reason[];
    const keeping = names.filter(
      (reason) => statusOf(conditionsFor(verdict(reason), context, now, before), 'Ready') === 'True',
    );
    expect(keeping).toEqual([
      'Available',
      'RateLimited',
      'ProviderUnavailable',
      'ProtocolError',
      'InitialPasswordConflict',
      'AnnotationIgnored',
      'WriteRefused',
      'OwnedByOtherInstallation',
      'DeletionProtected',
      'OrphanNotPermitted',
      'Paused',
    ]);
  });

  it('leaves a Ready machine Ready while the account is rate limited', () => {
    const before = conditionsFor(verdict('Available'), { credentials: accepted, generation: 1 }, now);
    const after = conditionsFor(verdict('RateLimited'), { credentials: accepted, generation: 1 }, now + 5_000, before);
    expect(after.find((c) => c.type === 'Ready')).toEqual(before.find((c) => c.type === 'Ready'));
    expect(statusOf(after, 'Synced')).toBe('False');
  });

  it('does not claim during an outage that a newer spec is met', () => {
    const before = conditionsFor(verdict('Available'), { credentials: accepted, generation: 1 }, now);
    const after = conditionsFor(
      verdict('ProviderUnavailable'),
      { credentials: accepted, generation: 2 },
      now + 5_000,
      before,
    );
    expect(after.find((c) => c.type === 'Ready')?.observedGeneration).toBe(1);
  });

  it('cuts a message that quotes an endless name', () => {
    const conditions = conditionsFor(
      verdict('NameConflict', 'x'.repeat(100_000)),
      { credentials: accepted, generation: 1 },
      now,
    );
    expect(conditions.map(({ message }) => Buffer.byteLength(message))).toEqual([1024, 1024, 0, 1024]);
  });

  it('moves lastTransitionTime only when the status moves', () => {
    const first = conditionsFor(verdict('Creating'), { credentials: accepted, generation: 1 }, now);
    const second = conditionsFor(verdict('Starting'), { credentials: accepted, generation: 1 }, now + 60_000, first);
    const third = conditionsFor(verdict('Available'), { credentials: accepted, generation: 1 }, now + 120_000, second);
    const times = [first, second, third].map((c) => c.find(({ type }) => type === 'Ready')?.lastTransitionTime);
    expect(times).toEqual(['2026-06-01T12:00:00Z', '2026-06-01T12:00:00Z', '2026-06-01T12:02:00Z']);
  });

  it('come in a fixed order', () => {
    // `as`: Object.keys forgets that the keys are reasons.
    const orders = (Object.keys(reasons) as Reason[]).map((reason) =>
      conditionsFor(verdict(reason), { credentials: accepted, generation: 1, isDeleting: true }, now).map(
        ({ type }) => type,
      ),
    );
    const first = ['Ready', 'Synced', 'CredentialsValid'];
    const rest = ['Reconciling', 'Stalled', 'Paused', 'DeletionBlocked'];
    for (const order of orders)
      expect(order).toEqual([...first, ...rest.filter((type) => order.includes(type as never))]);
    expect(new Set(orders.flat())).toEqual(new Set([...first, ...rest]));
  });

  it.each(Object.entries(reasons))('%s blocks a deletion as its row says', (reason, row) => {
    const context = { credentials: accepted, generation: 3, isDeleting: true };
    // Object.entries forgets that the keys are reasons.
    const conditions = conditionsFor(verdict(reason as Reason), context, now);
    expect(statusOf(conditions, 'DeletionBlocked')).toBe(row.blocksDeletion === true ? 'True' : undefined);
  });

  it.each([
    {
      credentials: { kind: 'Missing', message: 'no Secret "x"' },
      expected: { status: 'False', reason: 'CredentialsMissing', message: 'no Secret "x"' },
    },
    {
      credentials: { kind: 'Rejected', failure: failure() },
      expected: {
        status: 'False',
        reason: 'CredentialsRejected',
        message: 'the provider does not accept the API key',
      },
    },
    { credentials: { kind: 'TooMany', limit: 'TotalReached' }, expected: { status: 'True', reason: 'Accepted' } },
  ] as const)('report the API key: $credentials.kind', ({ credentials, expected }) => {
    const before = conditionsFor(verdict('Available'), { credentials: accepted, generation: 1 }, now);
    const after = conditionsFor(verdict('Available'), { credentials, generation: 1 }, now, before);
    expect(after.find(({ type }) => type === 'CredentialsValid')).toMatchObject(expected);
  });

  it.each([
    { reason: 'Available', message: 'trouble', expected: { status: 'False', reason: 'WriteRefused' } },
    { reason: 'NameConflict', message: 'because; trouble', expected: { status: 'False', reason: 'NameConflict' } },
  ] as const)('report trouble beside $reason in Synced alone', ({ reason, message, expected }) => {
    const before = conditionsFor(verdict(reason), { credentials: accepted, generation: 1 }, now);
    const after = withTrouble(before, verdict('WriteRefused', 'trouble'), now + 1_500, before);
    expect(after.filter(({ type }) => type !== 'Synced')).toEqual(before.filter(({ type }) => type !== 'Synced'));
    const lastTransitionTime = reason === 'Available' ? '2026-06-01T12:00:01Z' : '2026-06-01T12:00:00Z';
    expect(after.find(({ type }) => type === 'Synced')).toMatchObject({ ...expected, message, lastTransitionTime });
  });

  it.each([
    { deleting: true, reason: 'Deleting', expected: true },
    { deleting: true, reason: 'PowerTransitionStuck', expected: true },
    { deleting: true, reason: 'DeletionProtected', expected: false },
    { deleting: false, reason: 'Deleting', expected: false },
  ] as const)('record a deletion ($deleting) with reason $reason: $expected', ({ deleting, reason, expected }) => {
    const ready = {
      type: 'Ready',
      status: 'False',
      reason,
      message: '',
      observedGeneration: 1,
      lastTransitionTime: '',
    };
    const synced = { ...ready, type: 'Synced' };
    const recorded = (conditions: readonly object[]) =>
      // `as`: all that is read of conditions is in these.
      isDeletionOnRecord(objectWith({ deleting, status: { conditions: conditions as readonly Condition[] } }));
    expect([recorded([synced, ready]), recorded([synced]), recorded([])]).toEqual([expected, false, false]);
  });

  it('says nothing about a key nobody has judged yet, and keeps what was said before', () => {
    expect(
      statusOf(
        conditionsFor(verdict('Creating'), { credentials: { kind: 'Unverified' }, generation: 1 }, now),
        'CredentialsValid',
      ),
    ).toBeUndefined();
    const before = conditionsFor(verdict('Available'), { credentials: accepted, generation: 1 }, now);
    const after = conditionsFor(
      verdict('Available'),
      { credentials: { kind: 'Unverified' }, generation: 1 },
      now,
      before,
    );
    expect(statusOf(after, 'CredentialsValid')).toBe('True');
  });
});

describe('status', () => {
  const report = {
    verdict: verdict('Available'),
    operation: undefined,
    startFailure: undefined,
    handledRestart: undefined,
    plannedActions: undefined,
  };

  it('tells what the machine tells', () => {
    const machine = machineIn('Running', {
      hostname: 'web.example',
      addresses: [{ version: 4, address: '192.0.2.7', gateway: '192.0.2.1', prefixLength: 25 }],
      region: { id: 1 },
      package: { id: 2, name: 'Budget' },
      createdAt: '2026-01-01T00:00:00Z',
    });
    expect(statusFor(observedWith({ id: 90, machine }), report)).toMatchObject({
      observedGeneration: 1,
      id: 90,
      providerName: 'web-0a1b2c3d',
      origin: 'Created',
      ownerId: 1,
      state: 'Running',
      hostname: 'web.example',
      addresses: [{ version: 4, address: '192.0.2.7' }],
      region: { id: 1, name: 'Amsterdam 1' },
      package: { id: 2, name: 'Budget' },
      createdAt: '2026-01-01T00:00:00Z',
    });
  });

  it('keeps what was known while the machine cannot be seen', () => {
    const addresses = [{ version: 4, address: '192.0.2.7' }] as const;
    const observed = observedWith({
      id: 90,
      machine: { kind: 'AbsenceUnconfirmed' },
      status: { state: 'Running', addresses },
    });
    expect(statusFor(observed, report)).toMatchObject({ state: 'Running', addresses });
  });

  it.each([
    { machine: 'Running', recorded: 'hash-of-the-key' },
    { machine: 'Absent', recorded: 'hash-of-another-key' },
    { machine: { kind: 'AbsenceUnconfirmed' }, recorded: 'hash-of-another-key' },
    { machine: { kind: 'OtherAccount', ownerId: 2 }, recorded: 'hash-of-another-key' },
  ] as const)('records the key that last showed the VM, and no other: $machine', ({ machine, recorded }) => {
    const observed = observedWith({ id: 90, machine, status: { apiKeyHash: 'hash-of-another-key' } });
    expect(statusFor(observed, report).apiKeyHash).toBe(recorded);
  });

  it('forgets state and addresses of a machine shown to be gone', () => {
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

  it('does not take the Secret with the password of an earlier machine for that of the one just made', () => {
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
    createdAt: '2026-01-01T00:00:00Z',
    initialPasswordSecret: { name: 'x' },
    apiKeyHash: 'hash-of-another-key',
    usesDefaultCredentials: true,
    powerState: 'Halted',
  } as const satisfies Partial<VirtualMachineStatus>;
  const handled = { lastRestartRequest: 'two', lastHandledReconcileAt: '2026-05-01' } as const;
  const busy = { ...report, verdict: verdict('ProviderUnavailable') };

  it('keeps all that the VM and the requests of the user are known by, when a reconciliation learns nothing', () => {
    const observed = observedWith({
      id: 90,
      machine: { kind: 'AbsenceUnconfirmed' },
      status: { ...seen, ...handled, operation: { type: 'Stop', startedAt: secondsAgo(5), attempts: 1 } },
    });
    const { observedGeneration, conditions, ...status } = statusFor(observed, busy);
    expect(status).toEqual({
      uid,
      id: 90,
      providerName: 'web-0a1b2c3d',
      origin: 'Created',
      ...seen,
      ...handled,
    });
    expect([observedGeneration, conditions?.length]).toEqual([1, 4]);
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
      uid,
      id: 91,
      providerName: 'web',
      origin: 'Created',
      apiKeyHash: 'hash-of-the-key',
      ...handled,
    });
  });

  it('reports what the reconciliation did', () => {
    const did = {
      operation: { type: 'Stop', startedAt: secondsAgo(5), attempts: 1 },
      startFailure: { count: 2, lastAt: secondsAgo(5) },
      plannedActions: [],
    } as const;
    const observed = observedWith({
      id: 90,
      machine: 'Running',
      status: { ...seen, ...handled },
      history: { passwordSecret: 'new' },
      observed: { isDefaultKey: false, lookAlikes: [{ id: 7, name: 'web-1' }] },
    });
    const requests = { ...observed.requests, reconcile: '2026-06-01' };
    const status = statusFor(
      { ...observed, requests },
      { ...report, ...did, handledRestart: 'three', state: 'Halting' },
    );
    expect(status).toMatchObject({
      ...did,
      state: 'Halting',
      powerState: 'Running',
      lastRestartRequest: 'three',
      initialPasswordSecret: { name: 'x' },
      lastHandledReconcileAt: '2026-06-01',
      lookAlikes: [{ id: 7, name: 'web-1' }],
      apiKeyHash: 'hash-of-the-key',
    });
    expect(status).not.toHaveProperty('usesDefaultCredentials');
  });

  it('names the Secret that this process stored the password in', () => {
    const observed = observedWith({ id: 90, machine: 'Running', history: { passwordSecret: 'new' } });
    expect(statusFor(observed, report).initialPasswordSecret).toEqual({ name: 'new' });
  });

  it.each([
    { uid: 'other', id: 90, origin: 'Created', providerName: 'web', ownerId: 7 },
    { uid: 'other', id: 90, origin: 'Adopted', providerName: 'web' },
  ] as const)('keeps the record of another object as it is: %j', (record) => {
    const status = statusFor(observedWith({ machine: { kind: 'AbsenceUnconfirmed' }, status: record }), busy);
    expect(status).toMatchObject(record);
    expect(status.ownerId).toBe('ownerId' in record ? record.ownerId : undefined);
  });

  it.each([
    { because: 'a VM with the name of the recorded one', observed: { twins: [91] }, reason: 'DuplicateMachine' },
    { because: 'a password Secret', history: { passwordConflict: 'taken' }, reason: 'InitialPasswordConflict' },
    { because: 'nothing', reason: 'Available' },
  ])('reports trouble beside the VM in Synced: $because', ({ observed = {}, history = {}, reason }) => {
    const { conditions } = statusFor(observedWith({ id: 90, machine: 'Running', observed, history }), report);
    expect(conditions?.map((condition) => condition.reason).slice(0, 2)).toEqual(['Available', reason]);
    expect([isTrouble(reason), isTrouble(undefined)]).toEqual([reason !== 'Available', false]);
  });

  it('never carries the initial password', () => {
    const machine = machineIn('Running', { initialPassword: new Secret('hunter2') });
    expect(JSON.stringify(statusFor(observedWith({ id: 90, machine }), report))).not.toMatch(/hunter2|redacted/);
  });
});

const statusWith = (reason: Reason, message: string) => ({
  observedGeneration: 1,
  conditions: conditionsFor(verdict(reason, message), { credentials: accepted, generation: 1 }, now),
});

describe('writing', () => {
  const operation = { type: 'Stop', startedAt: secondsAgo(5), attempts: 1 } as const;

  it('is not worth it when nothing differs', () => {
    expect(
      isWorthWriting({ observedGeneration: 1, state: 'Running' }, { observedGeneration: 1, state: 'Running' }),
    ).toBe(false);
  });

  it('is not worth it when only the state flickers under an operation already told', () => {
    const before = { observedGeneration: 1, state: 'Halting', operation } as const;
    expect(isWorthWriting(before, { ...before, state: 'Running' })).toBe(false);
    expect(isWorthWriting(before, { observedGeneration: 1, state: 'Halted' })).toBe(true);
    expect(isWorthWriting(before, { ...before, state: 'Running', hostname: 'new' })).toBe(true);
    expect(isWorthWriting({ ...before, operation: { ...operation, attempts: 2 } }, before)).toBe(true);
    expect(isWorthWriting({ observedGeneration: 1, state: 'Running' }, { observedGeneration: 1 })).toBe(true);
    expect(isWorthWriting(undefined, before)).toBe(true);
  });

  it('is not worth it when the provider only words the same problem differently', () => {
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

  it('patches what differs: null for what goes, lists whole', () => {
    const before = { a: 1, gone: 2, nested: { keep: 1, drop: 2 }, list: [1, 2] };
    const after = { a: 1, nested: { keep: 1, add: 3 }, list: [2] };
    expect(mergePatch(before, after)).toEqual({ gone: null, nested: { drop: null, add: 3 }, list: [2] });
  });

  it('applied (RFC 7386), gives what was wanted, for any two statuses', async () => {
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
