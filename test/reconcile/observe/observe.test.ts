import { expect, it } from 'vitest';
import { readRequests } from '../../../src/api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { MachineIndex } from '../../../src/controller/machine-index.ts';
import { succeeded } from '../../../src/domain/failure.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { UnknownReason } from '../../../src/plan/observed.ts';
import type { Account } from '../../../src/provider/account/account.ts';
import { createSnapshot } from '../../../src/provider/account/snapshot.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import { observe, type ObserveInput } from '../../../src/reconcile/observe/observe.ts';
import { recordFinding, recordObservation } from '../../../src/reconcile/record-observation.ts';
import { objectWith, observedWith, uid } from '../../plan/fixtures.ts';
import { createManualClock } from '../../support/clock.ts';
import { listedAt, now, other, own, readOnly, vm } from '../world/observing.ts';

const key = 'default/web';

function given(listed = [other]) {
  const object = objectWith();
  // Only what `observe` may use: each method that changes the account is missing.
  const account = Object.freeze({
    credentialStatus: 'Accepted',
    ownerId: 1,
    snapshot: createSnapshot(listedAt, listedAt, listed),
    isUnavailable: false,
    keyedHash: (text: string) => text,
    lastWriteAt: () => undefined,
    cachedMachine: () => undefined,
    readMachine: () => undefined,
    subscribedSince: () => 0,
    absenceOf: () => undefined,
    massDisappearanceOf: () => undefined,
    catalog: () => succeeded({ regions: [], packages: [], osTemplates: [] }),
    recreations: { dueAt: () => now },
  }) as unknown as Account;
  const objectState = new ObjectState(uid, 0);
  const lookup = { kind: 'Found', apiKey: new Secret('key'), version: '1', isDefault: false } as const;
  const input: ObserveInput = Object.freeze({
    subject: Object.freeze<ObserveInput['subject']>({
      key,
      object,
      objectState: readOnly(objectState),
      name: own,
      identity: { kind: 'None' },
      intent: undefined,
      isIntentProven: false,
      isIntentRefused: false,
      isDefaultKey: false,
    }),
    requests: readRequests(object),
    lookup,
    limit: undefined,
    account,
    target: { name: own },
    lastIntent: undefined,
    isIntentOpen: false,
  });
  const deps = {
    clock: { ...createManualClock(), monotonic: () => now },
    limits: observedWith().limits,
    leadingSince: () => 0,
    credentials: { lookup: () => Promise.resolve(lookup) },
    accountFor: () => account,
    machineIndex: new MachineIndex(),
    objectOf: () => object,
    quota: { reachedFor: () => undefined },
    accountLimits: { of: () => undefined, pausedBy: () => undefined, isKnown: true },
    deletionRate: { heldFor: () => 0 },
    mayOrphan: () => true,
  };
  return { deps, input, objectState };
}

it('observes with a state and an account that cannot be changed', async () => {
  const { deps, input } = given();
  const { observed, finding } = await observe(deps, input);
  expect(observed).toMatchObject({ machine: { kind: 'Absent' }, catalog: { kind: 'Read' } });
  expect(finding).toEqual({ machine: { kind: 'Absent' }, requests: [] });
});

it('counts a read in the history before it is recorded, and the same afterwards', async () => {
  const { deps, input, objectState } = given([vm({ name: own })]);
  const before = await observe(deps, input);
  expect(before.observed.history).toMatchObject({ lastUpAt: deps.clock.now() - (now - listedAt) });
  expect(objectState.wasListed).toBe(false);

  recordFinding(key, null, before.finding, objectState);
  const after = await observe(deps, { ...input, subject: { ...input.subject, objectState: readOnly(objectState) } });
  expect(objectState.wasListed).toBe(true);
  expect(after.observed.history).toEqual(before.observed.history);
});

it.each([
  { what: 'when it was written', at: -7, since: -7 },
  { what: 'now, if the clock was set back since', at: 7, since: 0 },
])('create requests without a VM count from $what', async ({ at, since }) => {
  const { deps, input } = given();
  const present = deps.clock.now();
  const intent = { isOwn: true, name: own, at: present + at, tries: 2, signed: '' };
  const subject = { ...input.subject, intent, isIntentProven: true };
  const { observed } = await observe(deps, { ...input, subject, lastIntent: intent, isIntentOpen: true });
  expect(observed.createsWithoutVm).toEqual({ creates: 2, since: present + since });
});

it('the oldest orphan candidates come first, eight at most', async () => {
  const ids = [30, 29, 28, 27, 26, 25, 24, 23, 22, 21];
  const { deps, input } = given(ids.map((id) => vm({ id, name: `web-${id}000000` })));
  const { observed } = await observe(deps, input);
  expect(observed.orphanCandidates.map(({ id }) => id)).toEqual([21, 22, 23, 24, 25, 26, 27, 28]);
});

const ownKey = { kind: 'Found', apiKey: new Secret('key'), version: '1', isDefault: false } as const;
const noKey = { kind: 'Missing', message: 'none' } as const;
const shown = [vm({ name: own })];

it.each<{ lookup: ObserveInput['lookup']; listed: typeof shown; wasDefault: boolean; mayOrphan: boolean; why: string }>(
  [
    { lookup: ownKey, listed: shown, wasDefault: true, mayOrphan: true, why: 'an own key shows the VM' },
    { lookup: ownKey, listed: [other], wasDefault: true, mayOrphan: false, why: "an own key doesn't show the VM" },
    { lookup: ownKey, listed: [other], wasDefault: false, mayOrphan: true, why: 'it never used the default key' },
    {
      lookup: { ...ownKey, isDefault: true },
      listed: shown,
      wasDefault: false,
      mayOrphan: false,
      why: 'it uses it now',
    },
    { lookup: noKey, listed: shown, wasDefault: true, mayOrphan: false, why: 'it used it before, and has no key' },
    { lookup: noKey, listed: shown, wasDefault: false, mayOrphan: true, why: 'it has no key, and never used it' },
  ],
)('an object may leave its VM running without permission: $mayOrphan, as $why', async (row) => {
  const { deps, input } = given(row.listed);
  const object = objectWith(row.wasDefault ? { status: { internal: { usesDefaultCredentials: true } } } : {});
  const subject = { ...input.subject, object };
  const { observed } = await observe({ ...deps, mayOrphan: () => false }, { ...input, subject, lookup: row.lookup });
  expect(observed.mayOrphan).toBe(row.mayOrphan);
});

it.each<{ reason: UnknownReason; status: Account['credentialStatus']; isRead: boolean }>([
  { reason: { kind: 'OtherAccount', ownerId: 2 }, status: 'Accepted', isRead: true },
  { reason: { kind: 'NotYetSeen' }, status: 'Rejected', isRead: true },
  { reason: { kind: 'OtherKey' }, status: 'Accepted', isRead: false },
  { reason: { kind: 'NotYetSeen' }, status: 'Unverified', isRead: false },
])('the Secret is read again: $isRead, for $reason.kind with a key that is $status', async (row) => {
  const { deps, input, objectState } = given();
  // `as`: a frozen copy with another status.
  const account = { ...input.account, credentialStatus: row.status } as Account;
  const { observed, finding } = await observe(deps, input);
  const distrusted: string[] = [];
  const credentials = { distrust: ({ metadata }: VirtualMachine) => void distrusted.push(metadata.name) };
  const observation = { finding, observed: { ...observed, machine: { kind: 'Unknown', reason: row.reason } as const } };
  recordObservation({ credentials }, { ...input, account }, observation, objectState);
  expect(distrusted).toEqual(row.isRead ? ['web'] : []);
});
