import { expect, it } from 'vitest';
import { providerBusy } from '../../src/plan/provider-busy.ts';
import { plan } from '../../src/plan/plan.ts';
import { unanswered } from '../../src/plan/filters.ts';
import { conditionsFor } from '../../src/status/conditions.ts';
import { failure, machineIn, now, observedWith } from './fixtures.ts';
import { halted, kill, soft, stop } from './powers.ts';
import { describeRows } from './rows.ts';

const deleted = { id: 90, deleting: true } as const;
const on = { deletionProtection: true } as const;
const off = { ...on, ...halted } as const;

describeRows('deleted and protected', [
  {
    because: 'as the spec says: nothing to do',
    given: { ...deleted, machine: 'Running', spec: on },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a VM that is halted as the spec says is not deleted, nor powered',
    given: { ...deleted, machine: 'Halted', spec: off },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a halt is carried out',
    given: { ...deleted, machine: 'Running', spec: off },
    action: 'Stop',
    reason: 'DeletionProtected',
  },
  {
    because: 'a start is carried out',
    given: { ...deleted, machine: 'Halted', spec: on },
    action: 'Start',
    reason: 'DeletionProtected',
  },
  {
    because: 'a restart request is carried out',
    given: { ...deleted, machine: 'Running', spec: { ...on, restartRequest: '1' } },
    action: 'Restart',
    reason: 'DeletionProtected',
  },
  {
    because: 'protected in the middle of its deletion: a shutdown that began is finished, and the VM is started again',
    given: { ...deleted, machine: 'Halted', spec: on, status: { operation: stop } },
    action: 'Start',
    reason: 'DeletionProtected',
  },
  {
    because: 'the grace period holds as for any shutdown',
    given: { ...deleted, machine: 'Halting', spec: off, status: { operation: stop } },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'an endless state alone does not delete the VM',
    given: {
      ...deleted,
      machine: 'Halting',
      spec: { ...on, ...soft },
      history: { stateFor: 100_000_000, refusedFor: 1 },
    },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a refused power cut is still not a deletion, whose object would go without another word',
    given: {
      ...deleted,
      machine: 'Halting',
      spec: off,
      status: { operation: kill },
      history: { refusedFor: 700_000 },
    },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a VM that is gone proves nothing while it is protected: the object stays',
    given: { ...deleted, machine: 'Absent', spec: on },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'what can not be observed is not acted on',
    given: { ...deleted, machine: { kind: 'NotYetSeen' }, spec: off },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'without a key nothing is done',
    given: {
      ...deleted,
      machine: 'Running',
      spec: off,
      observed: { credentials: { kind: 'Missing', message: 'none' } },
    },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a VM that another object records is not powered',
    given: { ...deleted, machine: 'Running', spec: off, observed: { machineConflict: 'default/other' } },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a VM of another name is not powered',
    given: { ...deleted, machine: machineIn('Running', { name: 'other' }), spec: off },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'a VM that nothing proves to be ours is not powered, not adopted and not left behind',
    given: { ...deleted, isHint: true, finalizer: true, machine: 'Running', spec: off },
    action: 'None',
    reason: 'DeletionProtected',
  },
  {
    because: 'Plan shows the power change',
    given: { ...deleted, machine: 'Running', spec: { ...off, managementPolicy: 'Plan' } },
    action: 'None',
    reason: 'PlanOnly',
  },
  {
    because: 'lifted: the VM is deleted',
    given: { ...deleted, machine: 'Halted', spec: { deletionProtection: false } },
    action: 'Delete',
    reason: 'Deleting',
  },
]);

const lift = `This deletes the object and its VM with all data: kubectl -n default patch vps web --type merge -p '{"spec":{"deletionProtection":false}}'`;

it.each([
  { because: 'at rest', machine: 'Running', spec: on, begins: 'spec.deletionProtection blocks the deletion. ' },
  { because: 'on its way', machine: 'Running', spec: off, begins: 'the operator sent VM 90 the shutdown signal; ' },
] as const)(
  'a protected VM $because: the message ends with the effect of lifting the protection, and its command',
  (given) => {
    const message = plan(observedWith({ ...deleted, ...given })).statusReason?.message ?? '';
    expect(message.startsWith(given.begins)).toBe(true);
    expect(message.endsWith(`spec.deletionProtection blocks the deletion. ${lift}`)).toBe(true);
  },
);

it('the command is complete, with any other reports and names of any length', () => {
  const o = observedWith({
    ...deleted,
    spec: on,
    machine: { kind: 'ReadFailed', failure: failure({ text: 'é'.repeat(5_000) }) },
  });
  const metadata = { ...o.object.metadata, name: 'n'.repeat(253), namespace: 's'.repeat(63) };
  const statusReason = plan({ ...o, object: { ...o.object, metadata } }).statusReason ?? {
    reason: 'Available',
    message: '',
  };
  const context = {
    credentials: { kind: 'Accepted' },
    generation: 1,
    comparison: { result: 'Same', message: '' },
  } as const;
  const [ready] = conditionsFor(statusReason, context, now);
  expect(ready?.message).toMatch(
    /^the provider .*: ListMachines failed .*é+… This deletes .* -p '\{"spec":\{"deletionProtection":false\}\}'$/,
  );
});

it('a missing key is reported without a promise to delete the VM', () => {
  const credentials = { kind: 'Missing', message: 'no Secret' } as const;
  const decision = plan(observedWith({ ...deleted, machine: 'Running', spec: on, observed: { credentials } }));
  expect(decision.statusReason?.message).toBe(`no Secret; spec.deletionProtection blocks the deletion. ${lift}`);
});

it.each([0, 700_000])(
  'a power call that the provider refuses (for %i ms) is not reported as a deletion',
  (refusedFor) => {
    const o = observedWith({ ...deleted, machine: 'Running', spec: off, history: { refusedFor } });
    const busy = failure({ operation: 'StopMachine', class: 'Wait', code: 'Busy', status: 406 });
    const { reason, message } = providerBusy(o, 'StopMachine', busy);
    expect(reason).toBe('DeletionProtected');
    expect(message).toMatch(/^the provider (refuses|has refused) StopMachine .*406: boom.*; the operator tries again/);
  },
);

it('a power call that is sent again after refusals names the command once', () => {
  const { action, statusReason } = plan(
    observedWith({ ...deleted, machine: 'Running', spec: off, history: { refusedFor: 700_000 } }),
  );
  expect(action.type).toBe('Stop');
  expect(statusReason?.message.split('spec.deletionProtection blocks the deletion')).toHaveLength(2);
});

it.each([
  { machine: 'Halting', spec: on, says: 'halting, and incurs charges' },
  { machine: 'Halted', spec: on, says: 'halted, and may incur charges' },
  { machine: 'Halting', spec: {}, says: 'halting, and incurs charges' },
] as const)(
  "a VM kept by Retain isn't started again, which is reported where it should run: $machine",
  ({ machine, spec, says }) => {
    const { action, event } = plan(
      observedWith({ ...deleted, machine, spec: { ...spec, deletionPolicy: 'Retain' }, status: { operation: stop } }),
    );
    const message = `VM 90 stays as it is, ${says}; deletionPolicy Retain doesn't start it again. Start it at the provider, or adopt it with another object`;
    expect([action.type, event]).toEqual(['ReleaseFinalizer', { reason: 'Retained', message }]);
  },
);

const charges = 'and incurs charges; to manage it again, adopt it with another object';

it.each([
  { machine: 'Running', spec: on, says: `VM 90 stays as it is, running, ${charges}` },
  { machine: 'Halting', spec: off, says: `VM 90 stays as it is, halting, ${charges}` },
  { machine: { kind: 'NotYetSeen' }, spec: on, says: `VM 90 stays as it is, ${charges}` },
  { machine: 'Absent', spec: on, says: undefined },
  {
    id: undefined,
    machine: { kind: 'OutcomeUnknown' },
    intent: true,
    says: /^if the create request for .* led to a VM/,
  },
  { id: undefined, machine: { kind: 'NotYetSeen' }, says: undefined },
] as const)('deletionPolicy Retain reports in an event which VM stays: $says', ({ says, spec, ...given }) => {
  const retain = { ...spec, deletionPolicy: 'Retain' } as const;
  const { id, ...rest } = { ...deleted, ...given };
  const { event } = plan(observedWith({ ...rest, ...(id === undefined ? {} : { id }), spec: retain }));
  if (typeof says === 'object') expect(event?.message).toMatch(says);
  else expect(event).toEqual(says && { reason: 'Retained', message: says });
});

it('a power call that the provider has not answered is reported with the command', () => {
  const observed = observedWith({ ...deleted, machine: 'Running', spec: off });
  const { reason, message } = unanswered(observed, plan(observed)) ?? {};
  expect(reason).toBe('DeletionProtected');
  expect(message).toMatch(/^waiting for the provider's response to the request to send VM 90 the shutdown signal; /);
  expect(message?.endsWith(lift)).toBe(true);
});

it('a power call that waits for its slot is not reported as sent, and the command stays', () => {
  const { action, statusReason } = plan(
    observedWith({ ...deleted, machine: 'Running', spec: off, history: { isQueued: true } }),
  );
  expect([action.type, statusReason?.reason]).toEqual(['None', 'DeletionProtected']);
  expect(statusReason?.message).toMatch(
    /^waiting for a slot .*, to send VM 90 the shutdown signal; .*spec\.deletionProtection/,
  );
  expect(statusReason?.message.endsWith(lift)).toBe(true);
});
