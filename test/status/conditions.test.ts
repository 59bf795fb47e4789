import { describe, expect, it } from 'vitest';
import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { ReasonRow } from '../../src/api/v1alpha1/reason-row.ts';
import type { Condition } from '../../src/api/v1alpha1/types.ts';
import { conditionsFor, isDeletionOnRecord, withTrouble } from '../../src/status/conditions.ts';
import { failure, now, objectWith } from '../plan/fixtures.ts';

const accepted = { kind: 'Accepted' } as const;
const comparison = { result: 'Same', message: 'as specified' } as const;
const statusReason = (reason: Reason, message = 'because') => ({ reason, message });
const statusOf = (conditions: readonly Condition[], type: string) => conditions.find((c) => c.type === type)?.status;

function reasonsWith(holds: (row: ReasonRow) => boolean): readonly string[] {
  return Object.entries(reasons).flatMap(([reason, row]) => (holds(row) ? [reason] : []));
}

describe('conditions', () => {
  it.each(Object.entries(reasons))('%s shows the conditions in its row', (reason, row) => {
    // Object.entries forgets that the keys are reasons.
    const conditions = conditionsFor(
      statusReason(reason as Reason),
      { credentials: accepted, generation: 3, comparison },
      now,
    );
    expect(statusOf(conditions, 'Ready')).toBe(row.ready === 'Keep' ? 'False' : row.ready);
    expect(statusOf(conditions, 'Synced')).toBe(row.synced);
    expect(statusOf(conditions, 'Reconciling')).toBe(row.progress === 'Reconciling' ? 'True' : undefined);
    expect(statusOf(conditions, 'Stalled')).toBe(row.progress === 'Stalled' ? 'True' : undefined);
    expect(statusOf(conditions, 'Paused')).toBe(row.shows === 'Paused' ? 'True' : undefined);
    expect(statusOf(conditions, 'DeletionBlocked')).toBeUndefined();
    expect(conditions.every((condition) => condition.observedGeneration === 3)).toBe(true);
  });

  it('emits a Warning for all reasons but those of steps that the spec or the administrator asks for', () => {
    expect(reasonsWith((row) => row.event === 'Normal')).toEqual([
      'Available',
      'Creating',
      'Adopting',
      'AccountLimitsUnknown',
      'Starting',
      'Stopping',
      'Restarting',
      'ProviderBusy',
      'HaltedBySchedule',
      'RateLimited',
      'Deleting',
      'Retained',
      'Paused',
      'ObserveOnly',
      'PlanOnly',
    ]);
    expect(reasonsWith((row) => row.event === 'None')).toEqual(['Observing']);
  });

  it('reports that the deletion is blocked for reasons that only the user or the administrator ends', () => {
    expect(reasonsWith((row) => row.blocksDeletion === true)).toEqual([
      'HeldByOtherObject',
      'IdentityMismatch',
      'IdentityUnproven',
      'InvalidSpec',
      'PowerTransitionStuck',
      'CredentialsMissing',
      'CredentialsRejected',
      'ApiKeyLimitReached',
      'AccountMismatch',
      'DuplicateMachine',
      'WriteRefused',
      'DeletionProtected',
      'OrphanNotPermitted',
      'Paused',
      'PlanOnly',
    ]);
  });

  it('leaves a Ready VM Ready for reasons that do not concern the VM, and for no others', () => {
    const context = { credentials: accepted, generation: 1, comparison };
    const before = conditionsFor(statusReason('Available'), context, now);
    // `as`: Object.keys forgets that the keys are reasons.
    const names = Object.keys(reasons) as Reason[];
    const keeping = names.filter(
      (reason) => statusOf(conditionsFor(statusReason(reason), context, now, before), 'Ready') === 'True',
    );
    expect(keeping).toEqual([
      'DiffersFromSpec',
      'Available',
      'RestartSkipped',
      'HaltedBySchedule',
      'RateLimited',
      'ProviderUnavailable',
      'ProtocolError',
      'InitialPasswordConflict',
      'InitialPasswordNotStored',
      'InvalidAnnotation',
      'MachineAnnotationCorrected',
      'WriteRefused',
      'OwnedByOtherInstallation',
      'Retained',
      'OrphanNotPermitted',
      'Paused',
    ]);
  });

  it('does not report that a VM matches a spec that has changed since it was Ready', () => {
    const before = conditionsFor(statusReason('Available'), { credentials: accepted, generation: 1, comparison }, now);
    // `as`: Object.keys forgets that the keys are reasons.
    const claiming = (Object.keys(reasons) as Reason[]).filter((reason) => {
      const after = conditionsFor(
        statusReason(reason),
        { credentials: accepted, generation: 2, comparison },
        now,
        before,
      );
      return statusOf(after, 'Ready') === 'True';
    });
    expect(claiming).toEqual(['Available', 'HaltedBySchedule']);
  });

  it('leaves a Ready VM Ready while the account is rate limited', () => {
    const before = conditionsFor(statusReason('Available'), { credentials: accepted, generation: 1, comparison }, now);
    const after = conditionsFor(
      statusReason('RateLimited'),
      { credentials: accepted, generation: 1, comparison },
      now + 5_000,
      before,
    );
    expect(after.find((c) => c.type === 'Ready')).toEqual({
      ...before.find((c) => c.type === 'Ready'),
      reason: 'RateLimited',
      message: 'because',
    });
    expect(statusOf(after, 'Synced')).toBe('False');
  });

  it('does not report during an outage that a newer spec is met', () => {
    const before = conditionsFor(statusReason('Available'), { credentials: accepted, generation: 1, comparison }, now);
    const after = conditionsFor(
      statusReason('ProviderUnavailable'),
      { credentials: accepted, generation: 2, comparison },
      now + 5_000,
      before,
    );
    expect(statusOf(after, 'Ready')).toBe('Unknown');
  });

  it('cuts a message that quotes a very long name', () => {
    const conditions = conditionsFor(
      statusReason('NameConflict', 'x'.repeat(100_000)),
      { credentials: accepted, generation: 1, comparison },
      now,
    );
    expect(conditions.map(({ message }) => Buffer.byteLength(message))).toEqual([
      2_048,
      'as specified'.length,
      2_048,
      'the provider accepts the API key'.length,
      2_048,
    ]);
  });

  it('moves lastTransitionTime only when the status changes', () => {
    const first = conditionsFor(statusReason('Creating'), { credentials: accepted, generation: 1, comparison }, now);
    const second = conditionsFor(
      statusReason('Starting'),
      { credentials: accepted, generation: 1, comparison },
      now + 60_000,
      first,
    );
    const third = conditionsFor(
      statusReason('Available'),
      { credentials: accepted, generation: 1, comparison },
      now + 120_000,
      second,
    );
    const times = [first, second, third].map((c) => c.find(({ type }) => type === 'Ready')?.lastTransitionTime);
    expect(times).toEqual(['2026-06-01T12:00:00Z', '2026-06-01T12:00:00Z', '2026-06-01T12:02:00Z']);
  });

  it('have a fixed order', () => {
    // `as`: Object.keys forgets that the keys are reasons.
    const orders = (Object.keys(reasons) as Reason[]).map((reason) =>
      conditionsFor(
        statusReason(reason),
        { credentials: accepted, generation: 1, comparison, isDeleting: true },
        now,
      ).map(({ type }) => type),
    );
    const first = ['Ready', 'AsSpecified', 'Synced', 'CredentialsValid'];
    const rest = ['Reconciling', 'Stalled', 'Paused', 'DeletionBlocked'];
    for (const order of orders)
      expect(order).toEqual([...first, ...rest.filter((type) => order.includes(type as never))]);
    expect(new Set(orders.flat())).toEqual(new Set([...first, ...rest]));
  });

  it.each(Object.entries(reasons))('%s blocks a deletion as its row says', (reason, row) => {
    const context = { credentials: accepted, generation: 3, comparison, isDeleting: true };
    // Object.entries forgets that the keys are reasons.
    const conditions = conditionsFor(statusReason(reason as Reason), context, now);
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
    const before = conditionsFor(statusReason('Available'), { credentials: accepted, generation: 1, comparison }, now);
    const after = conditionsFor(statusReason('Available'), { credentials, generation: 1, comparison }, now, before);
    expect(after.find(({ type }) => type === 'CredentialsValid')).toMatchObject(expected);
  });

  it.each([
    { reason: 'Available', message: 'trouble', expected: { status: 'False', reason: 'WriteRefused' } },
    { reason: 'NameConflict', message: 'because; trouble', expected: { status: 'False', reason: 'NameConflict' } },
  ] as const)('report failures beside $reason in Synced alone', ({ reason, message, expected }) => {
    const before = conditionsFor(statusReason(reason), { credentials: accepted, generation: 1, comparison }, now);
    const after = withTrouble(before, statusReason('WriteRefused', 'trouble'), now + 1_500, before);
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

  it('reports nothing about a key that the provider has not accepted yet, and keeps the result of an earlier answer', () => {
    expect(
      statusOf(
        conditionsFor(
          statusReason('Creating'),
          { credentials: { kind: 'Unverified' }, generation: 1, comparison },
          now,
        ),
        'CredentialsValid',
      ),
    ).toBe('Unknown');
    for (const [credentials, status] of [
      [accepted, 'True'],
      [{ kind: 'Rejected', failure: undefined }, 'False'],
      [{ kind: 'Missing', message: 'none' }, 'False'],
    ] as const) {
      const before = conditionsFor(statusReason('Available'), { credentials, generation: 1, comparison }, now);
      const after = conditionsFor(
        statusReason('Available'),
        { credentials: { kind: 'Unverified' }, generation: 1, comparison },
        now,
        before,
      );
      expect(statusOf(after, 'CredentialsValid')).toBe(status);
    }
  });
});
