import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { Condition } from '../../src/api/v1alpha1/types.ts';
import { Secret } from '../../src/model/secret.ts';
import { conditionsFor } from '../../src/status/conditions.ts';
import { equal, isWorthWriting, mergePatch, statusFor } from '../../src/status/status.ts';
import { machineIn, now, observedWith, secondsAgo } from '../plan/fixtures.ts';
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
  });

  it('is not worth it when the provider only words the same trouble anew', () => {
    const before = statusWith('ProviderUnavailable', 'request 17 failed');
    expect(isWorthWriting(before, statusWith('ProviderUnavailable', 'request 18 failed'))).toBe(false);
    expect(isWorthWriting(before, statusWith('ProtocolError', 'request 18 failed'))).toBe(true);
    expect(isWorthWriting(statusWith('NameConflict', 'a'), statusWith('NameConflict', 'b'))).toBe(true);
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
