import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { failure, machineIn, observedWith, secondsAgo, uid } from './fixtures.ts';
import { describeRows } from './rows.ts';

const legacy = machineIn('Running', { id: 7, name: 'legacy' });
const byId = { adoption: { policy: 'MustExist', id: 7 } } as const;
const byName = { adoption: { policy: 'MustExist', name: 'legacy' } } as const;
const heldByName = { providerName: 'legacy', nameConflict: 'default/other' } as const;
const ifExists = { adoption: { policy: 'IfExists' } } as const;

describeRows('taking over', [
  { because: 'named by its id', given: { spec: byId, machine: legacy }, action: 'RecordIdentity', reason: 'Adopting' },
  {
    because: 'named by its name',
    given: { spec: { ...ifExists, providerName: 'legacy' }, machine: legacy },
    action: 'RecordIdentity',
  },
  {
    because: 'never by a bare name',
    given: { spec: { providerName: 'legacy' }, machine: legacy },
    action: 'None',
    reason: 'NameTaken',
  },
  {
    because: 'not from another object',
    given: { spec: byId, machine: legacy, observed: { machineConflict: 'default/other' } },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'named by its name, it is not taken from another object either, which is the same situation',
    given: { spec: byName, machine: legacy, observed: { ...heldByName, machineConflict: 'default/other' } },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'nor where it need not exist',
    given: {
      spec: { ...ifExists, providerName: 'legacy' },
      machine: legacy,
      observed: { ...heldByName, machineConflict: 'default/other' },
    },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'an object that claims the name may be about to record it',
    given: { spec: byName, machine: legacy, observed: heldByName },
    action: 'None',
    reason: 'NameConflict',
  },
  {
    because: 'the name of another object, whose VM is not there',
    given: { spec: byName, machine: 'Absent', observed: heldByName },
    action: 'None',
    reason: 'AdoptionTargetNotFound',
  },
  {
    because: 'the name of another object, before the list',
    given: { spec: byName, machine: { kind: 'NotYetSeen' }, observed: heldByName },
    action: 'None',
    reason: 'nothing new',
  },
  {
    because: "not with the operator's own key, which can reach the VMs of all tenants",
    given: { spec: byId, machine: 'Absent', observed: { isDefaultKey: true } },
    action: 'None',
    reason: 'AdoptionNotPermitted',
  },
  {
    because: "nor by a name, nor if it need not exist, with the operator's own key",
    given: { spec: { adoption: { policy: 'IfExists', id: 7 } }, machine: 'Absent', observed: { isDefaultKey: true } },
    action: 'None',
    reason: 'AdoptionNotPermitted',
  },
  {
    because: "with the operator's own key a VM of the object's own name is its own, whatever adoption says",
    given: { spec: byId, finalizer: true, machine: 'Running', observed: { isDefaultKey: true } },
    action: 'RecordIdentity',
  },
  {
    because: 'not when the spec names another one as well',
    given: { spec: { ...byId, providerName: 'web' }, machine: legacy },
    action: 'None',
    reason: 'AdoptionMismatch',
  },
  {
    because: 'not there, and it must be',
    given: { spec: byId, machine: 'Absent' },
    action: 'None',
    reason: 'AdoptionTargetNotFound',
  },
  {
    because: 'not there, and it need not be',
    given: { spec: { adoption: { policy: 'IfExists', id: 7 } }, machine: 'Absent' },
    action: 'Create',
  },
  {
    because: 'not seen is not "not there"',
    given: { spec: { adoption: { policy: 'IfExists', id: 7 } }, machine: { kind: 'AbsenceUnconfirmed' } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'deleted before it was adopted: the machine stays',
    given: { spec: byId, finalizer: true, deleting: true, machine: legacy },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'deleted before it was adopted: the VM stays, even if deletionPolicy is Delete',
    given: { spec: { ...byId, deletionPolicy: 'Delete' }, finalizer: true, deleting: true, machine: legacy },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'its own create call may have succeeded, and another object has reserved the name',
    given: { spec: byId, intent: true, machine: 'Absent', observed: { nameConflict: 'default/other' } },
    action: 'None',
    reason: 'NameConflict',
  },
  {
    because: 'its own create call that may have succeeded takes precedence',
    given: { spec: { adoption: { policy: 'MustExist', id: 7 } }, intent: true, machine: 'Absent' },
    action: 'Create',
  },
]);

describeRows('an adopted machine', [
  {
    because: 'is kept powered under the name it has',
    given: { id: 7, adoptedAs: 'legacy', machine: machineIn('Halted', { id: 7, name: 'legacy' }) },
    action: 'Start',
  },
  {
    because: 'stays when the object goes, by default',
    given: { id: 7, adoptedAs: 'legacy', deleting: true, machine: legacy },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'is deleted with the object when requested',
    given: {
      id: 7,
      adoptedAs: 'legacy',
      deleting: true,
      spec: { deletionPolicy: 'Delete' },
      machine: machineIn('Halted', { id: 7, name: 'legacy' }),
    },
    action: 'Delete',
  },
  {
    because: 'is not recreated by default',
    given: { id: 7, adoptedAs: 'legacy', machine: 'Absent' },
    action: 'None',
    reason: 'ExternallyDeleted',
  },
  {
    because: 'is recreated when requested',
    given: { id: 7, adoptedAs: 'legacy', spec: { onExternalDelete: 'Recreate' }, machine: 'Absent' },
    action: 'Create',
  },
  {
    because: 'is known by its record when the annotation is gone, which is put back',
    given: { id: 7, adoptedAs: 'legacy', annotations: { 'vps247.com/machine': '' }, machine: legacy },
    action: 'CompleteIdentity',
  },
]);

const hint = { id: 7, isHint: true, adoptedAs: 'legacy', finalizer: true } as const;
const chosen = { ...hint, spec: { providerName: 'legacy' } } as const;

describeRows('an annotation without a record', [
  {
    because: 'grants nothing',
    given: { ...chosen, machine: { kind: 'NotYetSeen' } },
    action: 'None',
    reason: 'IdentityUnproven',
  },
  {
    because: 'holds back a deletion, which would leave the VM without a word',
    given: { ...chosen, deleting: true, machine: { kind: 'NotYetSeen' } },
    action: 'None',
    reason: 'IdentityUnproven',
  },
  {
    because: 'that cannot be read may be of a VM, too',
    given: { annotations: { 'vps247.com/machine': '{' }, spec: { providerName: 'legacy' } },
    action: 'None',
    reason: 'IdentityUnproven',
  },
  {
    because: 'gives way to what the user grants',
    given: { ...chosen, spec: { ...chosen.spec, ...byId }, machine: legacy },
    action: 'RecordIdentity',
  },
  {
    because: "does not make another object's VM this one's, whatever the user asks for",
    given: {
      ...chosen,
      spec: { ...chosen.spec, ...byId },
      machine: legacy,
      observed: { machineConflict: 'team-a/legacy' },
    },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'nor deletes it',
    given: { ...chosen, spec: byId, deleting: true, machine: legacy, observed: { machineConflict: 'team-a/legacy' } },
    action: 'ReleaseFinalizer',
  },
  {
    because: "is not needed where the VM's name carries the UID",
    given: { ...hint, machine: 'Running' },
    action: 'RecordIdentity',
  },
  {
    because: 'holds back a create call, even where the name would prove a VM',
    given: { ...hint, machine: 'Absent' },
    action: 'None',
    reason: 'IdentityUnproven',
  },
]);

const restored = { id: 90, recordedFor: 'another-uid' } as const;
const old = machineIn('Running', { name: 'web-99999999' });

describeRows('restored, copied or moved', [
  {
    because: 'touches nothing',
    given: { ...restored, machine: 'Halted' },
    action: 'None',
    reason: 'IdentityFromOtherObject',
  },
  {
    because: 'adopts its VM again when its user requests it',
    given: { ...restored, spec: ifExists, machine: old },
    action: 'RecordIdentity',
  },
  {
    because: 'but not from the object it was copied from',
    given: { ...restored, spec: ifExists, machine: old, observed: { machineConflict: 'default/original' } },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'creates one when the old one is confirmed deleted, if permitted',
    given: { ...restored, spec: ifExists, machine: 'Absent' },
    action: 'Create',
  },
  {
    because: 'and makes none if it must find it',
    given: { ...restored, spec: { adoption: { policy: 'MustExist' } }, machine: 'Absent' },
    action: 'None',
    reason: 'AdoptionTargetNotFound',
  },
  {
    because: 'goes without a call, whatever its machine is',
    given: { ...restored, deleting: true, machine: 'Halted' },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'a create intent of an earlier object is not repeated here',
    given: { intent: true, recordedFor: 'another-uid' },
    action: 'None',
    reason: 'IdentityFromOtherObject',
  },
]);

describe('for a new VM instead of the one that was recorded for another object', () => {
  const record = {
    id: 90,
    origin: 'Created',
    providerName: 'web-99999999',
    internal: { objectUID: 'another-uid' },
  } as const;
  it.each([
    {
      because: 'the annotations must be removed, if only they record it',
      given: restored,
      command: 'annotate vps web vps247.com/machine- vps247.com/create-pending-',
    },
    {
      because: 'the object must be removed, if the status records it',
      given: { status: record },
      command: 'delete vps web',
    },
  ])('$because', ({ given, command }) => {
    const { message = '' } = plan(observedWith({ ...given, machine: { kind: 'NotYetSeen' } })).statusReason ?? {};
    expect(message.split('; ').at(-1)).toMatch(/^for a new VM/);
    expect(message.split('; ').at(-1)).toContain(`: kubectl -n default ${command}`);
  });

  it('and the object is deleted without a call', () => {
    const { action } = plan(observedWith({ status: record, finalizer: true, deleting: true, machine: 'Running' }));
    expect(action.type).toBe('ReleaseFinalizer');
  });
});

const alike = { orphanCandidates: [{ id: 5, name: 'web-99999999' }] };

describeRows('machines of an earlier life', [
  {
    because: 'keep a second one from being made',
    given: { observed: alike },
    action: 'None',
    reason: 'OrphanCandidateFound',
  },
  {
    because: 'unless a user decided',
    given: { observed: alike, annotations: { 'vps247.com/ignore-orphan-candidates': 'true' } },
    action: 'Create',
  },
  {
    because: 'or the operator only reports',
    given: {
      observed: {
        ...alike,
        limits: { stuckAfter: 1, visibilityWindow: 1, recreateAfter: 1, callDeadline: 1, orphanCandidates: 'Report' },
      },
    },
    action: 'Create',
  },
]);

it("with the operator's own key, requests a change that the API server accepts: an id or a name needs the policy MustExist", () => {
  const o = observedWith({ spec: byId, machine: 'Absent', observed: { isDefaultKey: true } });
  expect(plan(o).statusReason?.message).toMatch(
    /into Secret "vps247-credentials", or, for a new VM: kubectl .*'{"spec":{"adoption":{"policy":"Never","id":null,"name":null}}}'$/,
  );
});

it('finds the VM named spec.providerName after the command for a mismatch has removed both id and name', () => {
  const o = observedWith({ spec: { ...byId, providerName: 'web' }, machine: legacy });
  expect(plan(o).statusReason?.message).toMatch(/kubectl .*'{"spec":{"adoption":{"id":null,"name":null}}}'$/);
});

it('reports orphan candidates in an event if orphanCandidates is Report, and creates the VM', () => {
  const { limits } = observedWith();
  const decision = plan(observedWith({ observed: { ...alike, limits: { ...limits, orphanCandidates: 'Report' } } }));
  expect(decision).toMatchObject({ action: { type: 'Create' }, event: { reason: 'OrphanCandidateFound' } });
});

it('reports in one line how to adopt the VM of an earlier object', () => {
  expect(plan(observedWith({ observed: alike })).statusReason?.message).toContain(
    `kubectl -n default patch vps web --type merge -p '{"spec":{"adoption":{"policy":"MustExist","id":5}}}'`,
  );
});

it('records it as adopted, so that a delete leaves a VM that another cluster may use', () => {
  expect(plan(observedWith({ ...restored, spec: ifExists, machine: old })).action).toEqual({
    type: 'RecordIdentity',
    machine: { id: 90, name: 'web-99999999', origin: 'Adopted', ownerId: 1 },
  });
  expect(plan(observedWith({ spec: byId, machine: legacy })).action).toEqual({
    type: 'RecordIdentity',
    machine: { id: 7, name: 'legacy', origin: 'Adopted', ownerId: 1 },
  });
});

describeRows('a machine that others deleted', [
  { because: 'is recreated', given: { id: 90, machine: 'Absent' }, action: 'Create', reason: 'Creating' },
  {
    because: 'is reported when asked',
    given: { id: 90, machine: 'Absent', spec: { onExternalDelete: 'Report' } },
    action: 'None',
    reason: 'ExternallyDeleted',
  },
  {
    because: 'is not recreated while its refusal holds',
    given: { id: 90, machine: 'Absent', history: { refusal: failure({ class: 'Terminal', status: 402 }) } },
    action: 'None',
    reason: 'QuotaExceeded',
  },
]);

const withIntent = (seconds: number) =>
  ({
    intent: true,
    spec: { providerName: 'shared' },
    machine: machineIn('Running', { name: 'shared', createdAt: secondsAgo(seconds) }),
    observed: { intent: { isOwn: true, uid, name: 'shared', signed: '', after: Date.parse(secondsAgo(10)) } },
  }) as const;

describeRows('ours by the create intent', [
  {
    because: 'the name had been shown free before, and the machine is newer',
    given: withIntent(4),
    action: 'RecordIdentity',
  },
  {
    because: 'any user can write such an annotation, but not what the API key proves of it',
    given: {
      intent: true,
      spec: { providerName: 'shared' },
      machine: machineIn('Running', { name: 'shared', createdAt: secondsAgo(4) }),
      observed: { isIntentProven: false },
    },
    action: 'None',
    reason: 'NameTaken',
  },
  {
    because: 'a machine that is older by the clock of the provider itself was there before',
    given: withIntent(600),
    action: 'None',
    reason: 'NameTaken',
  },
  {
    because: "the provider's clock may be corrected by a minute between the list and the call",
    given: withIntent(70),
    action: 'RecordIdentity',
  },
  {
    because: 'by more than a minute is older',
    given: withIntent(71),
    action: 'None',
    reason: 'NameTaken',
  },
]);

const patch = (adoption: object) =>
  `kubectl -n default patch vps web --type merge -p '${JSON.stringify({ spec: { adoption } })}'`;

it.each([
  { because: 'to adopt', given: { spec: byName }, remedy: `; to adopt VM 7: ${patch({ id: 7, name: null })}` },
  {
    because: 'to create',
    given: { spec: { ...ifExists, providerName: 'legacy' } },
    remedy: '; delete those that you do not need at the provider',
  },
  {
    because: 'that is deleted',
    given: { spec: byName, deleting: true, finalizer: true },
    remedy: `; delete those that you do not need at the provider; to delete this object without the VM: kubectl -n default patch vps web --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`,
  },
])(
  'two VMs of the name that an object looks for $because are reported by that name, with a remedy',
  ({ given, remedy }) => {
    const machine = { kind: 'DuplicateName', name: 'legacy', ids: [7, 8] } as const;
    expect(plan(observedWith({ ...given, machine })).statusReason).toEqual({
      reason: 'DuplicateMachine',
      message: `the provider has 2 VMs named "legacy" (ids 7, 8), so the operator sends no request for any of them${remedy}`,
    });
  },
);

it('a VM with the name of a new one is reported as one, not as several', () => {
  const machine = { kind: 'DuplicateName', name: 'web', ids: [8] } as const;
  expect(plan(observedWith({ id: 90, machine })).statusReason?.message).toBe(
    'VM 8 has the name "web", so the operator creates no other one; delete VM 8 at the provider if you do not need it',
  );
});

it.each([
  {
    machineConflict: 'default/other',
    message:
      'VM 7 belongs to the object default/other; delete this object, which keeps the VM: kubectl -n default delete vps web; to adopt another VM, change spec.adoption',
  },
  {
    machineConflict: undefined,
    message: `the object default/other has already reserved the provider name "legacy"; if the VM isn't that object's, adopt it by its id: ${patch({ id: 7, name: null })}`,
  },
])('the remedy for an object that adopts by name is to change spec.adoption', ({ machineConflict, message }) => {
  const o = observedWith({ spec: byName, machine: legacy, observed: { ...heldByName, machineConflict } });
  expect(plan(o).statusReason?.message).toBe(message);
});

const unused = (vm: string) =>
  `; spec.adoption names VM ${vm}, which isn't adopted, because this object already has VM 90; to adopt it, create another object`;

it.each([
  { adoption: { policy: 'MustExist', id: 7 }, note: unused('7') },
  { adoption: { policy: 'MustExist', name: 'legacy' }, note: unused('"legacy"') },
  { adoption: { policy: 'MustExist', id: 90 }, note: '' },
  { adoption: { policy: 'MustExist', name: 'web-0a1b2c3d' }, note: '' },
  { adoption: { policy: 'MustExist' }, note: '' },
] as const)('an object with a VM reports that it adopts no other one, given $adoption', ({ adoption, note }) => {
  const { action, statusReason } = plan(observedWith({ id: 90, machine: 'Running', spec: { adoption } }));
  const { statusReason: usual } = plan(observedWith({ id: 90, machine: 'Running' }));
  expect([action.type, statusReason]).toEqual(['None', { reason: 'Available', message: `${usual?.message}${note}` }]);
});
