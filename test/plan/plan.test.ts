import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { failure, machineIn, now, observedWith, secondsAgo, type ObservedOptions } from './fixtures.ts';

interface Row {
  readonly because: string;
  readonly given: ObservedOptions;
  readonly action: string;
  readonly reason?: string;
}

const stop = { type: 'Stop', startedAt: secondsAgo(60), attempts: 1 } as const;
const kill = { type: 'Kill', startedAt: secondsAgo(10), attempts: 1 } as const;
const start = { type: 'Start', startedAt: secondsAgo(10), attempts: 1 } as const;
const halted = { powerState: 'Halted' } as const;
const soft = { powerState: 'Halted', powerOff: { mode: 'Soft', gracePeriod: '5m' } } as const;
const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriod: '5m' } } as const;
const ready = (secondsSince: number) => ({
  state: 'Running' as const,
  conditions: [
    {
      type: 'Ready' as const,
      status: 'True' as const,
      reason: 'Available',
      message: '',
      observedGeneration: 1,
      lastTransitionTime: secondsAgo(secondsSince),
    },
  ],
});

const creating: readonly Row[] = [
  { because: 'an untouched object gets its machine', given: {}, action: 'Create', reason: 'Creating' },
  {
    because: 'the wrong name would only be refused',
    given: { spec: { package: { name: 'Budgett' } } },
    action: 'None',
    reason: 'UnknownCatalogName',
  },
  {
    because: 'two templates of one name: a guess would bill the wrong thing',
    given: { spec: { osTemplate: { name: 'Twin' } } },
    action: 'None',
    reason: 'UnknownCatalogName',
  },
  {
    because: 'an id that the list lacks would only be refused',
    given: { spec: { region: { id: 77 } } },
    action: 'None',
    reason: 'UnknownCatalogName',
  },
  {
    because: 'a spec from an earlier schema does not say in full what is wanted',
    given: { flaws: ['spec.powerState must be one of Running, Halted, not "Suspended"'] },
    action: 'None',
    reason: 'InvalidSpec',
  },
  {
    because: 'nor what is to become of the machine: its deletion policy may be what cannot be read',
    given: { id: 90, machine: 'Running', deleting: true, flaws: ['spec.deletionPolicy …'] },
    action: 'None',
    reason: 'InvalidSpec',
  },
  {
    because: 'whoever says to abandon it needs no spec for that',
    given: {
      id: 90,
      machine: 'Running',
      deleting: true,
      flaws: ['spec.deletionPolicy …'],
      annotations: { 'vps247.com/abandon': 'true' },
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'the region does not offer the package',
    given: { spec: { package: { id: 9 } } },
    action: 'None',
    reason: 'InvalidSpec',
  },
  {
    because: 'the package does not offer the template',
    given: { spec: { osTemplate: { id: 5 } } },
    action: 'None',
    reason: 'InvalidSpec',
  },
  {
    because: 'ids need no catalogue',
    given: {
      spec: { region: { id: 1 }, package: { id: 2 }, osTemplate: { id: 4 } },
      observed: { catalogue: { kind: 'Read', regions: undefined, packages: undefined, osTemplates: undefined } },
    },
    action: 'Create',
  },
  {
    because: 'names cannot be resolved by a provider without a catalogue',
    given: {
      observed: { catalogue: { kind: 'Read', regions: undefined, packages: undefined, osTemplates: undefined } },
    },
    action: 'None',
    reason: 'UnknownCatalogName',
  },
  {
    because: 'a catalogue that could not be read is not an empty one',
    given: { observed: { catalogue: { kind: 'Unavailable', failure: failure() } } },
    action: 'None',
    reason: 'ProviderUnavailable',
  },
  {
    because: 'a catalogue on its way is waited for, with nothing new to say',
    given: { observed: { catalogue: { kind: 'Reading' } } },
    action: 'None',
  },
  {
    because: 'a refused create is not repeated',
    given: {
      history: { refusal: failure({ operation: 'CreateMachine', class: 'Terminal', code: 'BadRequest', status: 400 }) },
    },
    action: 'None',
    reason: 'InvalidSpec',
  },
  {
    because: 'a refusal for money says so',
    given: {
      history: {
        refusal: failure({ operation: 'CreateMachine', class: 'Terminal', code: 'PaymentRequired', status: 402 }),
      },
    },
    action: 'None',
    reason: 'QuotaExceeded',
  },
  {
    because: 'an unknown outcome is waited out, never answered with a second POST',
    given: { intent: true, machine: { kind: 'OutcomeUnknown' } },
    action: 'None',
    reason: 'CreateOutcomeUnknown',
  },
  { because: 'the evidence says that nothing came of it', given: { intent: true }, action: 'Create' },
  {
    because: 'the announced machine showed up',
    given: { intent: true, machine: 'Pending' },
    action: 'RecordIdentity',
  },
  {
    because: 'a name with our UID proves itself even when annotations were wiped',
    given: { finalizer: true, machine: 'Running' },
    action: 'RecordIdentity',
  },
  {
    because: 'a bare name proves nothing',
    given: { spec: { providerName: 'shared' }, machine: machineIn('Running', { name: 'shared' }) },
    action: 'None',
    reason: 'NameConflict',
  },
  {
    because: 'an intent that was copied from another object: restored, so neither claimed nor created',
    given: {
      intent: true,
      recordedFor: 'another-uid',
      spec: { providerName: 'shared' },
      machine: machineIn('Running', { name: 'shared' }),
    },
    action: 'None',
    reason: 'RestoredUnconfirmed',
  },
  {
    because: 'two machines of the name: a human decides',
    given: { intent: true, machine: { kind: 'DuplicateName', ids: [1, 2] } },
    action: 'None',
    reason: 'DuplicateMachine',
  },
  {
    because: 'two objects of one name would share a machine',
    given: { observed: { nameHeldBy: 'default/older' } },
    action: 'None',
    reason: 'NameConflict',
  },
  {
    because: 'an object that is deleted needs no name, and has no VM',
    given: { deleting: true, intent: true, machine: 'Absent', observed: { nameHeldBy: 'b/older' } },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'nor if the VM of the name is on the record of another one',
    given: {
      deleting: true,
      intent: true,
      machine: machineIn('Running', { name: 'site' }),
      spec: { providerName: 'site' },
      observed: { nameHeldBy: 'b/older', machineHeldBy: 'b/older' },
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'if none records it, either may have created it',
    given: {
      deleting: true,
      intent: true,
      machine: machineIn('Running', { name: 'site' }),
      spec: { providerName: 'site' },
      observed: { nameHeldBy: 'b/older' },
    },
    action: 'None',
    reason: 'IdentityMismatch',
  },
  {
    because: 'the gate of the account is closed',
    given: { observed: { gateClosedFor: 5000 } },
    action: 'None',
    reason: 'RateLimited',
  },
];

const guarded: readonly Row[] = [
  {
    because: 'no key, no call',
    given: { id: 90, observed: { credentials: { kind: 'Missing', message: 'no Secret' } } },
    action: 'None',
    reason: 'CredentialsMissing',
  },
  {
    because: 'a rejected key says nothing about the machine',
    given: { id: 90, machine: 'Absent', observed: { credentials: { kind: 'Rejected', failure: undefined } } },
    action: 'None',
    reason: 'CredentialsRejected',
  },
  {
    because: "with another account's key everything is a 404",
    given: { id: 90, machine: { kind: 'OtherAccount', ownerId: 2 } },
    action: 'None',
    reason: 'AccountMismatch',
  },
  {
    because: 'a list that failed shows nothing',
    given: { id: 90, machine: { kind: 'ReadFailed', failure: failure() } },
    action: 'None',
    reason: 'ProviderUnavailable',
  },
  {
    because: 'garbage is not an empty list',
    given: { id: 90, machine: { kind: 'ReadFailed', failure: failure({ code: 'ProtocolError', status: 200 }) } },
    action: 'None',
    reason: 'ProtocolError',
  },
  {
    because: 'a login page is a rejected key',
    given: { id: 90, machine: { kind: 'ReadFailed', failure: failure({ class: 'Credentials', code: 'HtmlAnswer' }) } },
    action: 'None',
    reason: 'CredentialsRejected',
  },
  {
    because: 'a list is on its way: nothing to say yet',
    given: { id: 90, machine: { kind: 'NotYetSeen' } },
    action: 'None',
  },
  {
    because: 'not in the list is not yet gone',
    given: { id: 90, machine: { kind: 'AbsenceUnconfirmed' } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'half the account is gone at once: rather the list is wrong',
    given: { id: 90, machine: { kind: 'MassAbsence', vanished: 9, of: 40 } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'gone by someone else, and so shown: made again, by default',
    given: { id: 90, machine: 'Absent' },
    action: 'Create',
    reason: 'Creating',
  },
  {
    because: 'restored from a backup: neither created nor touched',
    given: { id: 90, recordedFor: 'another-uid', machine: 'Running', spec: halted },
    action: 'None',
    reason: 'RestoredUnconfirmed',
  },
  {
    because: 'an annotation edited into nonsense is not an absent one',
    given: { annotations: { 'vps247.com/machine': '{"id":"ninety"}' } },
    action: 'None',
    reason: 'IdentityMismatch',
  },
  {
    because: 'an id edited to point at a foreign machine does not reach it',
    given: { id: 91, machine: machineIn('Running', { id: 91, name: 'foreign' }), spec: hard },
    action: 'None',
    reason: 'IdentityMismatch',
  },
  {
    because: 'a finalizer taken off by hand is put back before anything else',
    given: { id: 90, finalizer: false, machine: 'Running' },
    action: 'CompleteIdentity',
  },
  {
    because: 'an intent is cleared once the status records the VM',
    given: { id: 90, intent: true, machine: 'Running' },
    action: 'CompleteIdentity',
  },
  {
    because: 'a state this version does not know is left alone',
    given: { id: 90, machine: 'Unknown', spec: halted },
    action: 'None',
    reason: 'ProtocolError',
  },
];

const powered: readonly Row[] = [
  { because: 'running as asked', given: { id: 90, machine: 'Running' }, action: 'None', reason: 'Available' },
  {
    because: 'halted as asked',
    given: { id: 90, machine: 'Halted', spec: halted },
    action: 'None',
    reason: 'Available',
  },
  { because: 'still provisioning', given: { id: 90, machine: 'Pending' }, action: 'None', reason: 'Creating' },
  {
    because: 'to be halted, but still provisioning',
    given: { id: 90, machine: 'Pending', spec: halted },
    action: 'None',
    reason: 'Creating',
  },
  { because: 'still starting', given: { id: 90, machine: 'Starting' }, action: 'None', reason: 'Starting' },
  { because: 'off, wanted on', given: { id: 90, machine: 'Halted' }, action: 'Start', reason: 'Starting' },
  {
    because: 'on, wanted off',
    given: { id: 90, machine: 'Running', spec: halted },
    action: 'Stop',
    reason: 'Stopping',
  },
  {
    because: 'Hard cuts at once',
    given: { id: 90, machine: 'Running', spec: hard },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'halting, wanted on: it has to end first',
    given: { id: 90, machine: 'Halting' },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'also when it was us who began it, as long as its time lasts',
    given: { id: 90, machine: 'Halting', status: { operation: { ...stop, startedAt: secondsAgo(299) } } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a guest that ignores the signal would keep our own shutdown from ever ending',
    given: { id: 90, machine: 'Halting', status: { operation: { ...stop, startedAt: secondsAgo(300) } } },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'Soft does not kill then either',
    given: {
      id: 90,
      machine: 'Halting',
      spec: { powerOff: { mode: 'Soft', gracePeriod: '5m' } },
      status: { operation: { ...stop, startedAt: secondsAgo(400) } },
    },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a power cut that was thought better of is not cut again before it had time to show',
    given: { id: 90, machine: 'Halting', status: { operation: kill } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a shutdown that others began is theirs, however long it takes',
    given: { id: 90, machine: 'Halting', history: { stateFor: 900_000 } },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'unless somebody says that it is to be cut short',
    given: { id: 90, machine: 'Halting', annotations: { 'vps247.com/force-power-off': 'true' } },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'a restart leads through halting by itself, whatever is to be cut short',
    given: {
      id: 90,
      machine: 'Halting',
      annotations: { 'vps247.com/force-power-off': 'true' },
      status: { operation: { type: 'Restart', startedAt: secondsAgo(20), attempts: 1, request: 'once' } },
    },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'the state lags behind the accepted stop',
    given: { id: 90, machine: 'Running', spec: halted, status: { operation: stop } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'the guest has time until the grace period ends',
    given: { id: 90, machine: 'Halting', spec: halted, status: { operation: { ...stop, startedAt: secondsAgo(299) } } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'the guest ignored the signal for the whole grace period',
    given: { id: 90, machine: 'Halting', spec: halted, status: { operation: { ...stop, startedAt: secondsAgo(300) } } },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'also when the provider still calls it running',
    given: { id: 90, machine: 'Running', spec: halted, status: { operation: { ...stop, startedAt: secondsAgo(300) } } },
    action: 'Kill',
  },
  {
    because: 'the pending task is the very shutdown that the guest ignores',
    given: {
      id: 90,
      machine: machineIn('Halting', { lastTask: { name: 'VmStop', status: 'pending' } }),
      spec: halted,
      status: { operation: { ...stop, startedAt: secondsAgo(300) } },
      history: { taskBusyFor: 300_000 },
    },
    action: 'Kill',
  },
  {
    because: 'Soft never kills',
    given: {
      id: 90,
      machine: 'Halting',
      spec: soft,
      status: { operation: { ...stop, startedAt: secondsAgo(86_400), attempts: 9 } },
    },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'Soft asks again when the guest slept through it',
    given: { id: 90, machine: 'Running', spec: soft, status: { operation: { ...stop, startedAt: secondsAgo(301) } } },
    action: 'Stop',
  },
  {
    because: 'a shutdown someone else began has its grace period too',
    given: { id: 90, machine: 'Halting', spec: halted, history: { stateFor: 299_000 } },
    action: 'None',
  },
  {
    because: 'and its end',
    given: { id: 90, machine: 'Halting', spec: halted, history: { stateFor: 300_000 } },
    action: 'Kill',
  },
  {
    because: 'one power cut is enough until the provider had time to show it',
    given: { id: 90, machine: 'Running', spec: hard, status: { operation: kill } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a power cut on record that had no effect is repeated',
    given: { id: 90, machine: 'Running', spec: hard, status: { operation: { ...kill, startedAt: secondsAgo(30) } } },
    action: 'Kill',
  },
  {
    because: 'the third only two windows after the second: ever more slowly',
    given: {
      id: 90,
      machine: 'Running',
      spec: hard,
      status: { operation: { ...kill, startedAt: secondsAgo(59), attempts: 2 } },
    },
    action: 'None',
  },
  {
    because: 'a power cut that the provider certainly did not take is tried again at once',
    given: { id: 90, machine: 'Running', spec: hard, status: { operation: { ...kill, attempts: 0, code: 'Busy' } } },
    action: 'Kill',
  },
  {
    because: 'the accepted start does not show yet',
    given: { id: 90, machine: 'Halted', status: { operation: start } },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'an accepted start without effect is sent again',
    given: { id: 90, machine: 'Halted', status: { operation: { ...start, startedAt: secondsAgo(30) } } },
    action: 'Start',
  },
  {
    because: 'it came up and fell back: the next start waits',
    given: {
      id: 90,
      machine: 'Halted',
      status: { operation: start },
      history: { lastUpAt: Date.parse(secondsAgo(5)) },
    },
    action: 'None',
    reason: 'StartBackoff',
  },
  {
    because: 'it was Ready for less than a minute: a boot loop too',
    given: { id: 90, machine: 'Halted', status: ready(20) },
    action: 'None',
    reason: 'StartBackoff',
  },
  {
    because: 'it was halted by others right after it came up: no boot loop',
    given: { id: 90, machine: 'Halted', status: ready(20), history: { wasActedOn: true } },
    action: 'Start',
  },
  {
    because: 'it ran for long and was halted by others: put back at once',
    given: { id: 90, machine: 'Halted', status: ready(3600) },
    action: 'Start',
  },
  {
    because: 'the wait after a failed start is not over',
    given: {
      id: 90,
      machine: 'Halted',
      status: { startFailure: { count: 1, lastAt: secondsAgo(1), retryAfter: secondsAgo(-9) } },
    },
    action: 'None',
    reason: 'StartBackoff',
  },
  {
    because: 'the wait after a failed start is over',
    given: {
      id: 90,
      machine: 'Halted',
      status: { startFailure: { count: 1, lastAt: secondsAgo(20), retryAfter: secondsAgo(1) } },
    },
    action: 'Start',
  },
  {
    because: 'the provider is at work on it',
    given: {
      id: 90,
      machine: machineIn('Running', { lastTask: { name: 'VmBackup', status: 'pending' } }),
      spec: halted,
    },
    action: 'None',
    reason: 'ProviderBusy',
  },
  {
    because: 'a task that never ends holds nothing for ever',
    given: {
      id: 90,
      machine: machineIn('Running', { lastTask: { name: 'VmBackup', status: 'pending' } }),
      spec: halted,
      history: { taskBusyFor: 600_000 },
    },
    action: 'Stop',
  },
  {
    because: 'starting for longer than anyone should wait',
    given: { id: 90, machine: 'Starting', history: { stateFor: 600_000 } },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'the provider was busy a moment ago',
    given: { id: 90, machine: 'Halted', history: { notBefore: Date.parse(secondsAgo(-5)) } },
    action: 'None',
  },
];

const deleting: readonly Row[] = [
  { because: 'nothing was ever stored, so nothing can be there', given: { deleting: true }, action: 'None' },
  {
    because: 'powered off first',
    given: { deleting: true, id: 90, machine: 'Running' },
    action: 'Stop',
    reason: 'Deleting',
  },
  {
    because: 'the same mode as any power-off',
    given: { deleting: true, id: 90, machine: 'Running', spec: { powerOff: { mode: 'Hard', gracePeriod: '5m' } } },
    action: 'Kill',
    reason: 'Deleting',
  },
  {
    because: 'provisioning has to end first',
    given: { deleting: true, id: 90, machine: 'Pending' },
    action: 'None',
    reason: 'Deleting',
  },
  {
    because: 'DELETE only on halted',
    given: { deleting: true, id: 90, machine: 'Halted' },
    action: 'Delete',
    reason: 'Deleting',
  },
  {
    because: 'accepted is not gone; it is not asked twice in a hurry',
    given: {
      deleting: true,
      id: 90,
      machine: 'Halted',
      history: { deleteAcceptedAt: Date.parse(secondsAgo(10)), deletes: 1 },
    },
    action: 'None',
    reason: 'Deleting',
  },
  {
    because: 'but again when nothing comes of it',
    given: {
      deleting: true,
      id: 90,
      machine: 'Halted',
      history: { deleteAcceptedAt: Date.parse(secondsAgo(30)), deletes: 1 },
    },
    action: 'Delete',
  },
  { because: 'shown to be gone', given: { deleting: true, id: 90, machine: 'Absent' }, action: 'ReleaseFinalizer' },
  {
    because: 'not seen is not gone',
    given: { deleting: true, id: 90, machine: { kind: 'AbsenceUnconfirmed' } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'half the account is gone at once: no finalizer goes with it',
    given: { deleting: true, id: 90, machine: { kind: 'MassAbsence', vanished: 9, of: 40 } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'a rejected key never lets a machine be forgotten',
    given: {
      deleting: true,
      id: 90,
      machine: 'Absent',
      observed: { credentials: { kind: 'Rejected', failure: undefined } },
    },
    action: 'None',
    reason: 'CredentialsRejected',
  },
  {
    because: 'a create that may have happened is looked for before the object goes',
    given: { deleting: true, intent: true, machine: { kind: 'OutcomeUnknown' } },
    action: 'None',
    reason: 'CreateOutcomeUnknown',
  },
  { because: 'and found', given: { deleting: true, intent: true, machine: 'Pending' }, action: 'RecordIdentity' },
  { because: 'or shown not to have happened', given: { deleting: true, intent: true }, action: 'ReleaseFinalizer' },
  {
    because: 'a foreign machine of the name neither goes with it nor keeps it',
    given: {
      deleting: true,
      finalizer: true,
      spec: { providerName: 'shared' },
      machine: machineIn('Halted', { name: 'shared' }),
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'what was recorded for another object is not deleted with this one',
    given: { deleting: true, id: 90, recordedFor: 'another-uid', machine: 'Halted' },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'an id edited to point at a foreign machine does not delete it',
    given: { deleting: true, id: 91, machine: machineIn('Halted', { id: 91, name: 'foreign' }) },
    action: 'None',
    reason: 'IdentityMismatch',
  },
];

describe.each([
  ['creating', creating],
  ['guards', guarded],
  ['power', powered],
  ['deleting', deleting],
])('plan: %s', (_, rows) => {
  it.each(rows)('$because → $action $reason', ({ given, action, reason }) => {
    const decision = plan(observedWith(given));
    expect({ action: decision.action.type, reason: decision.verdict?.reason }).toEqual({
      action,
      reason: reason ?? decision.verdict?.reason,
    });
  });
});

describe('plan', () => {
  it('resolves names to ids in the create request', () => {
    expect(plan(observedWith()).action).toEqual({
      type: 'Create',
      request: {
        name: 'web-0a1b2c3d',
        regionId: 1,
        packageId: 2,
        osTemplateId: 4,
        ipv6: false,
        privateNetworking: false,
        sshKeyIds: [],
      },
    });
  });

  it('names the choices when a name is wrong', () => {
    const decision = plan(observedWith({ spec: { package: { name: 'Budgett' } } }));
    expect(decision.verdict?.message).toBe(
      'spec.package.name: the provider has no package "Budgett"; it has "Budget" (2), "Standard" (3), "Elsewhere" (9)',
    );
  });

  it.each([
    { isDefaultKey: false, whose: 'in Secret "vps247-credentials" under "api-key"; put a valid one there' },
    { isDefaultKey: true, whose: "the operator's default API key; ask your cluster administrator to replace it" },
  ])('says whose key is not accepted: $whose', ({ isDefaultKey, whose }) => {
    const observed = { isDefaultKey, credentials: { kind: 'Rejected', failure: undefined } } as const;
    expect(plan(observedWith({ observed })).verdict?.message).toContain(whose);
  });

  it('comes back when the grace period ends', () => {
    const operation = { ...stop, startedAt: secondsAgo(60) };
    expect(plan(observedWith({ id: 90, machine: 'Halting', spec: halted, status: { operation } })).after).toBe(240_000);
  });

  it('never waits longer than half an hour to send a call again that had no effect', () => {
    const operation = { ...kill, startedAt: secondsAgo(10 * 86_400), attempts: 100 };
    const given = { id: 90, machine: 'Running', spec: hard, status: { operation } } as const;
    expect(plan(observedWith(given)).action.type).toBe('Kill');
  });

  it('counts patience from the newest call: after an outage the call is made once, not again at once', () => {
    const never = { ...kill, startedAt: secondsAgo(600), attempts: 0, code: 'ConnectFailed' };
    const without = { ...kill, startedAt: secondsAgo(600), attempts: 1 };
    for (const [operation, attempts] of [
      [never, 1],
      [without, 2],
    ] as const) {
      const { action } = plan(observedWith({ id: 90, machine: 'Running', spec: hard, status: { operation } }));
      expect(action).toMatchObject({ type: 'Kill', operation: { startedAt: new Date(now).toISOString(), attempts } });
      const asked = 'operation' in action ? action.operation : undefined;
      const next = observedWith({
        id: 90,
        machine: 'Running',
        spec: hard,
        ...(asked === undefined ? {} : { status: { operation: asked } }),
      });
      expect(plan(next).action.type).toBe('None');
    }
  });

  it('keeps the operation on record while nothing can be seen', () => {
    const machine = { kind: 'ReadFailed', failure: failure() } as const;
    expect(plan(observedWith({ id: 90, machine, status: { operation: stop } })).operation).toEqual(stop);
  });

  it('drops the operation when the machine is as asked', () => {
    expect(
      plan(observedWith({ id: 90, machine: 'Halted', spec: halted, status: { operation: stop } })).operation,
    ).toBeUndefined();
  });

  it('waits longer after each failed start, at most five minutes and a half', () => {
    const delays = [0, 1, 2, 3, 8].map((count) => {
      const startFailure = { count, lastAt: secondsAgo(100), retryAfter: secondsAgo(50) };
      const status = { ...ready(5), startFailure };
      return plan(observedWith({ id: 90, machine: 'Halted', status })).after ?? 0;
    });
    const nominal = [10_000, 40_000, 90_000, 160_000, 300_000];
    for (const [index, delay] of delays.entries()) {
      expect(delay).toBeGreaterThanOrEqual((nominal[index] ?? 0) * 0.5);
      expect(delay).toBeLessThanOrEqual((nominal[index] ?? 0) * 1.5);
    }
  });

  it('is a function: the same frozen observation gives the same decision, unchanged', () => {
    const observed = Object.freeze(observedWith({ id: 90, machine: 'Halted', status: ready(20) }));
    const before = structuredClone(observed);
    expect(plan(observed)).toEqual(plan(observed));
    expect(observed).toEqual(before);
  });

  it('never acts on an unknown machine, whatever else is true', () => {
    for (const base of [
      {},
      { intent: true },
      { id: 90 },
      { id: 90, deleting: true },
      { intent: true, deleting: true },
    ]) {
      for (const kind of ['NotYetSeen', 'OutcomeUnknown', 'AbsenceUnconfirmed'] as const) {
        const decision = plan(observedWith({ ...base, machine: { kind }, spec: hard }));
        expect(decision.action.type).toBe('None');
      }
    }
  });
});

it.each([
  { kind: 'MassAbsence', vanished: 17, of: 40 },
  { kind: 'Unreadable', id: 4711, problem: 'its state is "odd"', isOurs: false },
] as const)("with the operator's own key a message says nothing of other VMs: $kind", (machine) => {
  const messageWith = (isDefaultKey: boolean) =>
    plan(observedWith({ intent: true, machine, observed: { isDefaultKey } })).verdict?.message;
  expect([messageWith(false), messageWith(true)]).toEqual([
    expect.stringMatching(/17|4711/),
    expect.not.stringMatching(/17|40|4711|odd/),
  ]);
});
