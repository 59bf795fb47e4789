import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, now, observedWith, secondsAgo } from './fixtures.ts';
import { type Row, describeRows } from './rows.ts';

const paused = { annotations: { 'vps247.com/paused': 'true' } };
const planOnly = { managementPolicy: 'Plan' } as const;
const retain = `kubectl -n default patch vps web --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`;
const observe = { managementPolicy: 'Observe' } as const;
const adoptingX = { adoption: { policy: 'IfExists', id: 7 }, providerName: 'x' } as const;

describeRows('paused', [
  { because: 'no machine is made', given: paused, action: 'None', reason: 'Paused' },
  { because: 'none is started', given: { ...paused, id: 90, machine: 'Halted' }, action: 'None', reason: 'Paused' },
  {
    because: 'none is deleted',
    given: { ...paused, id: 90, deleting: true, machine: 'Halted' },
    action: 'None',
    reason: 'Paused',
  },
  {
    because: 'an object that never had a machine goes nevertheless: nothing of it would be left',
    given: { ...paused, deleting: true },
    action: 'None',
    reason: 'nothing new',
  },
  {
    because: 'a value that means nothing pauses nothing',
    given: { id: 90, machine: 'Halted', annotations: { 'vps247.com/paused': 'yes' } },
    action: 'Start',
  },
]);

describeRows('Plan and Observe', [
  { because: 'Plan makes no machine', given: { spec: planOnly }, action: 'None', reason: 'PlanOnly' },
  {
    because: 'Plan powers none',
    given: { id: 90, machine: 'Halted', spec: planOnly },
    action: 'None',
    reason: 'PlanOnly',
  },
  {
    because: 'Plan adopts none',
    given: { machine: machineIn('Running', { id: 7, name: 'x' }), spec: { ...planOnly, ...adoptingX } },
    action: 'None',
    reason: 'PlanOnly',
  },
  {
    because: 'Plan deletes none, and the object stays',
    given: { id: 90, deleting: true, machine: 'Halted', spec: planOnly },
    action: 'None',
    reason: 'PlanOnly',
  },
  {
    because: 'Plan has nothing to report for a VM in sync',
    given: { id: 90, machine: 'Running', spec: planOnly },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'Plan records what is proven ours',
    given: { intent: true, machine: 'Pending', spec: planOnly },
    action: 'RecordIdentity',
  },
  { because: 'Observe makes no machine', given: { spec: observe }, action: 'None', reason: 'ObserveOnly' },
  {
    because: 'Observe powers none',
    given: { id: 90, machine: 'Halted', spec: observe },
    action: 'None',
    reason: 'ObserveOnly',
  },
  {
    because: 'Observe records nothing, and still reports the power',
    given: {
      machine: machineIn('Running', { id: 7, name: 'x' }),
      spec: { ...observe, adoption: { policy: 'MustExist', id: 7 } },
    },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'Observe leaves the machine when the object goes',
    given: { id: 90, deleting: true, machine: 'Running', spec: observe },
    action: 'ReleaseFinalizer',
  },
]);

describeRows('deletion policies', [
  {
    because: 'Retain lets the object go without a call',
    given: { id: 90, deleting: true, machine: 'Running', spec: { deletionPolicy: 'Retain' } },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'protection keeps both',
    given: { id: 90, deleting: true, machine: 'Running', spec: { deletionProtection: true } },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'protection keeps nothing from being left alone',
    given: { id: 90, deleting: true, machine: 'Halted', spec: { deletionProtection: true, deletionPolicy: 'Retain' } },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'retained: without a key, without having seen anything',
    given: {
      id: 90,
      deleting: true,
      machine: { kind: 'NotYetSeen' },
      spec: { deletionPolicy: 'Retain' },
      observed: { credentials: { kind: 'Missing', message: 'none' } },
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'retained without permission: its VM is in the account of the operator',
    given: {
      id: 90,
      deleting: true,
      machine: 'Running',
      spec: { deletionPolicy: 'Retain' },
      observed: { mayOrphan: false },
    },
    action: 'None',
    reason: 'OrphanNotPermitted',
  },
  {
    because: 'retained without permission, and nothing has shown the VM yet',
    given: {
      id: 90,
      deleting: true,
      machine: { kind: 'NotYetSeen' },
      spec: { deletionPolicy: 'Retain' },
      observed: { mayOrphan: false },
    },
    action: 'None',
    reason: 'nothing new',
  },
  {
    because: 'retained without permission, and the provider has not answered a request with the key yet',
    given: {
      id: 90,
      deleting: true,
      machine: { kind: 'NotYetSeen' },
      spec: { deletionPolicy: 'Retain' },
      observed: { mayOrphan: false, credentials: { kind: 'Unverified' } },
    },
    action: 'None',
    reason: 'nothing new',
  },
  {
    because: 'observed without permission, and no key could show the VM',
    given: {
      id: 90,
      deleting: true,
      machine: { kind: 'NotYetSeen' },
      spec: { managementPolicy: 'Observe' },
      observed: { mayOrphan: false, credentials: { kind: 'Missing', message: 'none' } },
    },
    action: 'None',
    reason: 'OrphanNotPermitted',
  },
  {
    because: 'there is nothing left to leave running',
    given: {
      id: 90,
      deleting: true,
      machine: 'Absent',
      spec: { deletionPolicy: 'Retain' },
      observed: { mayOrphan: false },
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'Retain says nothing of an object that stays',
    given: { id: 90, machine: 'Halted', spec: { deletionPolicy: 'Retain' } },
    action: 'Start',
  },
  {
    because: 'an object that another one outranks does not go silently while its VM is there',
    given: { id: 90, deleting: true, machine: 'Halted', observed: { machineConflict: 'default/other' } },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'and does nothing to it while it stays',
    given: { id: 90, machine: 'Halted', observed: { machineConflict: 'default/other' } },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'no more deletes a minute than allowed',
    given: { id: 90, deleting: true, machine: 'Halted', observed: { deletesHeldFor: 5_000 } },
    action: 'None',
    reason: 'Deleting',
  },
  {
    because: 'no more machines in a namespace than allowed',
    given: { observed: { namespaceLimit: { limit: 3, leftRunning: [] } } },
    action: 'None',
    reason: 'NamespaceLimitReached',
  },
]);

describeRows('a key that is changed', [
  {
    because: 'no call is made with the one that was taken away',
    given: { id: 90, machine: 'Halted', observed: { isKeyChanging: true } },
    action: 'None',
    reason: 'nothing new',
  },
  {
    because: 'what needs no call continues',
    given: { id: 90, deleting: true, machine: 'Absent', observed: { isKeyChanging: true } },
    action: 'ReleaseFinalizer',
  },
]);

const reached = { internal: { lastSyncedPowerState: 'Running' }, id: 90 } as const;
const report = { powerDriftPolicy: 'Report' } as const;

describeRows('power changed by others', [
  {
    because: 'is put back',
    given: { id: 90, machine: 'Halted', status: reached },
    action: 'Start',
    reason: 'Starting',
  },
  ...(['Halting', 'Halted'] as const).map((machine) => ({
    because: `is left and reported when requested: ${machine}, if it is to run`,
    given: { id: 90, machine, status: reached, spec: report },
    action: 'None' as const,
    reason: 'PowerDrift' as const,
  })),
  ...(['Starting', 'Running'] as const).map((machine) => ({
    because: `is left and reported when requested: ${machine}, if it is to be halted`,
    given: {
      id: 90,
      machine,
      status: { ...reached, internal: { lastSyncedPowerState: 'Halted' as const } },
      spec: { ...report, powerState: 'Halted' as const },
    },
    action: 'None' as const,
    reason: 'PowerDrift' as const,
  })),
  {
    because: 'a state that was never reached does not count as drift',
    given: { id: 90, machine: 'Halted', spec: report },
    action: 'Start',
  },
  {
    because: 'nor is one that the spec asks for now',
    given: {
      id: 90,
      machine: 'Halted',
      status: { ...reached, internal: { lastSyncedPowerState: 'Halted' } },
      spec: report,
    },
    action: 'Start',
  },
  {
    because: 'nor is what our own call does',
    given: {
      id: 90,
      machine: 'Halting',
      status: { ...reached, operation: { type: 'Restart', startTime: secondsAgo(1), attempts: 1 } },
      spec: report,
    },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'a deletion does not care',
    given: {
      id: 90,
      machine: 'Running',
      deleting: true,
      status: { id: 90, internal: { lastSyncedPowerState: 'Halted' } },
      spec: { ...report, powerState: 'Halted' },
    },
    action: 'Stop',
  },
]);

const stop = { type: 'Stop', startTime: secondsAgo(5), attempts: 1 } as const;
const forced = { annotations: { 'vps247.com/force-power-off': 'true' } };

const forcing: readonly Row[] = [
  {
    because: 'a running grace period is cut short',
    given: { ...forced, id: 90, machine: 'Halting', spec: { powerState: 'Halted' }, status: { operation: stop } },
    action: 'Kill',
  },
  {
    because: 'the guest is still asked first',
    given: { ...forced, id: 90, machine: 'Running', spec: { powerState: 'Halted' } },
    action: 'Stop',
  },
  {
    because: 'Soft never kills',
    given: {
      ...forced,
      id: 90,
      machine: 'Halting',
      spec: { powerState: 'Halted', powerOff: { mode: 'Soft', gracePeriodSeconds: 300 } },
      status: { operation: stop },
    },
    action: 'None',
    reason: 'Stopping',
  },
];
describeRows('forcing a power off', forcing);

const withPassword = machineIn('Running', { initialPassword: new Secret('s3cret') });

describeRows('the initial password', [
  {
    because: 'is written before the machine is called ready',
    given: { id: 90, machine: withPassword },
    action: 'WritePassword',
  },
  {
    because: 'waits for the address, which belongs into the same Secret',
    given: { id: 90, machine: { ...withPassword, state: 'Pending' } },
    action: 'None',
  },
  {
    because: 'waits for an address that is known, beside a range',
    given: {
      id: 90,
      machine: { ...withPassword, state: 'Pending', addresses: [{ version: 6, first: '2001:db8::' }] },
    },
    action: 'None',
  },
  {
    because: 'waits no longer than for the address',
    given: {
      id: 90,
      machine: { ...withPassword, state: 'Pending', addresses: [{ version: 4, address: '198.18.0.7' }] },
    },
    action: 'WritePassword',
  },
  { because: 'is not there yet', given: { id: 90, machine: 'Running' }, action: 'None', reason: 'Available' },
  {
    because: 'is empty',
    given: { id: 90, machine: machineIn('Running', { initialPassword: new Secret('') }) },
    action: 'None',
  },
  {
    because: 'is written once',
    given: { id: 90, machine: withPassword, status: { id: 90, initialPasswordSecret: { name: 'x' } } },
    action: 'None',
  },
  {
    because: 'is not wanted',
    given: { id: 90, machine: withPassword, spec: { initialPasswordSecret: { policy: 'None' } } },
    action: 'None',
  },
  {
    because: 'of an adopted VM is not in use',
    given: { id: 90, adoptedAs: 'legacy', machine: { ...withPassword, name: 'legacy' } },
    action: 'None',
  },
  {
    because: 'unless a user requests it',
    given: {
      id: 90,
      adoptedAs: 'legacy',
      machine: { ...withPassword, name: 'legacy' },
      spec: { initialPasswordSecret: { name: 'x' } },
    },
    action: 'WritePassword',
  },
  {
    because: 'has an unrelated Secret in its way: the VM is kept all the same',
    given: {
      id: 90,
      machine: { ...withPassword, state: 'Halted' },
      history: { passwordConflict: { reason: 'InitialPasswordConflict' as const, message: 'Secret "x" is there' } },
    },
    action: 'Start',
  },
  {
    because: 'is nothing that observing writes',
    given: { id: 90, machine: withPassword, spec: observe },
    action: 'None',
    reason: 'Available',
  },
]);

describe('a planned call', () => {
  it.each(['Plan', 'Observe'] as const)(
    'keeps the operation and the failed starts on record: %s',
    (managementPolicy) => {
      const startFailure = { count: 3, lastTime: secondsAgo(100), retryTime: secondsAgo(50) };
      const status = { startFailure, operation: stop };
      const { action, ...decision } = plan(
        observedWith({ id: 90, machine: 'Halted', status, spec: { managementPolicy } }),
      );
      expect(action.type).toBe('None');
      expect(decision).toMatchObject(status);
    },
  );

  it.each([
    {
      machine: withPassword,
      statusReason:
        /^VM 90 is running; its power state matches the spec; Secret "x" holds the password of an earlier VM$/,
    },
    { machine: { ...withPassword, state: 'Halted' }, statusReason: /^VM 90 is starting$/ },
  ] as const)('reports in Available that a Secret is of an earlier VM: $verdict', ({ machine, statusReason }) => {
    const history = {
      passwordConflict: { reason: 'InitialPasswordConflict' as const, message: 'Secret "x" is there' },
      outdatedPasswordSecret: 'x',
    };
    expect(plan(observedWith({ id: 90, machine, history })).statusReason?.message).toMatch(statusReason);
  });

  it('checks a conflict of Secrets again, also while it waits longer for the VM', () => {
    const history = {
      passwordConflict: { reason: 'InitialPasswordConflict' as const, message: 'Secret "x" is there' },
    };
    const afters = ([withPassword, 'Starting'] as const).map(
      (machine) => plan(observedWith({ id: 90, machine, history })).after,
    );
    expect(afters).toEqual([300_000, 300_000]);
  });

  it('starts at once when a reconciliation is requested, with any backoff', () => {
    const startFailure = { count: 3, lastTime: secondsAgo(1), retryTime: new Date(now + 60_000).toISOString() };
    const annotations = { 'vps247.com/reconcile-requested-at': 'now' };
    expect(plan(observedWith({ id: 90, machine: 'Halted', status: { startFailure } })).action.type).toBe('None');
    expect(plan(observedWith({ id: 90, machine: 'Halted', status: { startFailure }, annotations })).action.type).toBe(
      'Start',
    );
  });
});

it.each([
  {
    mayOrphan: true,
    says: `to keep the VM instead: ${retain}`,
  },
  { mayOrphan: false, says: 'no key; the VM is deleted once the key is there' },
])('recommends Retain only where it is permitted: $mayOrphan', ({ mayOrphan, says }) => {
  const observed = { mayOrphan, credentials: { kind: 'Missing', message: 'no key' } } as const;
  const message = plan(observedWith({ id: 90, deleting: true, observed })).statusReason?.message;
  expect(message?.endsWith(says)).toBe(true);
});

it.each([
  { what: 'has another name', given: { id: 91, machine: machineIn('Halted', { id: 91, name: 'unmanaged' }) } },
  { what: 'is recorded by another object, too', given: { id: 90, machine: 'Halted' }, by: 'default/other' },
] as const)('a deletion that waits because its VM $what reports the remedy where it is permitted', (row) => {
  const messageWhere = (mayOrphan: boolean) => {
    const observed = { mayOrphan, ...('by' in row ? { machineConflict: row.by } : {}) };
    return plan(observedWith({ ...row.given, deleting: true, observed })).statusReason?.message;
  };
  expect(messageWhere(true)).toSatisfy((message: string) => message.endsWith(`: ${retain}`));
  expect(messageWhere(false)).not.toContain('Retain');
});
