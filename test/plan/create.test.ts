import { expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { plan } from '../../src/plan/plan.ts';
import { failure, machineIn, now, observedWith, uid } from './fixtures.ts';
import { describeRows } from './rows.ts';

describeRows('creating', [
  { because: 'an untouched object gets its machine', given: {}, action: 'Create', reason: 'Creating' },
  {
    because: 'one create call without a VM is repeated as soon as lists confirm that there is none',
    given: { intent: true, observed: { createsWithoutVm: { creates: 1, since: now } } },
    action: 'Create',
  },
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
    because: 'a legible Retain needs nothing else of the spec',
    given: {
      id: 90,
      machine: 'Running',
      deleting: true,
      flaws: ['spec.powerState …'],
      spec: { deletionPolicy: 'Retain' },
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'the region does not offer the package',
    given: { spec: { package: { id: 9 } } },
    action: 'None',
    reason: 'CombinationNotOffered',
  },
  {
    because: 'the package does not offer the template',
    given: { spec: { osTemplate: { id: 5 } } },
    action: 'None',
    reason: 'CombinationNotOffered',
  },
  {
    because: 'ids need no catalog',
    given: {
      spec: { region: { id: 1 }, package: { id: 2 }, osTemplate: { id: 4 } },
      observed: { catalog: { kind: 'Read', regions: undefined, packages: undefined, osTemplates: undefined } },
    },
    action: 'Create',
  },
  {
    because: 'names cannot be resolved by a provider without a catalog',
    given: {
      observed: { catalog: { kind: 'Read', regions: undefined, packages: undefined, osTemplates: undefined } },
    },
    action: 'None',
    reason: 'UnknownCatalogName',
  },
  {
    because: 'a catalog that could not be read is not an empty one',
    given: { observed: { catalog: { kind: 'Unavailable', failure: failure() } } },
    action: 'None',
    reason: 'ProviderUnavailable',
  },
  {
    because: 'a catalog on its way is waited for, with nothing new to say',
    given: { observed: { catalog: { kind: 'NotRead' } } },
    action: 'None',
  },
  {
    because: 'a refused create is not repeated',
    given: {
      history: { refusal: failure({ operation: 'CreateMachine', class: 'Terminal', code: 'BadRequest', status: 400 }) },
    },
    action: 'None',
    reason: 'CreateRefused',
  },
  {
    because: 'a refusal for money reports that',
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
    because: 'the VM of the create intent appeared',
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
    reason: 'NameTaken',
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
    reason: 'IdentityFromOtherObject',
  },
  {
    because: 'two machines of the name: a human decides',
    given: { intent: true, machine: { kind: 'DuplicateName', name: 'web', ids: [1, 2] } },
    action: 'None',
    reason: 'DuplicateMachine',
  },
  {
    because: 'two objects of one name would share a machine',
    given: { observed: { nameConflict: 'default/older' } },
    action: 'None',
    reason: 'NameConflict',
  },
  {
    because: 'an object that is deleted needs no name, and has no VM',
    given: { deleting: true, intent: true, machine: 'Absent', observed: { nameConflict: 'b/older' } },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'nor if the VM of the name is on the record of another one',
    given: {
      deleting: true,
      intent: true,
      machine: machineIn('Running', { name: 'site' }),
      spec: { providerName: 'site' },
      observed: { nameConflict: 'b/older', machineConflict: 'b/older' },
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
      observed: { nameConflict: 'b/older' },
    },
    action: 'None',
    reason: 'IdentityUnproven',
  },
  {
    because: 'the account is rate limited',
    given: { observed: { rateLimitedFor: 5000 } },
    action: 'None',
    reason: 'RateLimited',
  },
]);

it.each([
  {
    because: 'as the create intent says',
    isIntentProven: true,
    options: { ipv6: true, privateNetworking: false, sshKeyIds: [7] },
  },
  { because: 'not known, if the user may have written the intent', isIntentProven: false, options: undefined },
])('the options of a VM that is found are $because', ({ isIntentProven, options }) => {
  const intent = { uid, name: 'web-0a1b2c3d', options: { ipv6: true, privateNetworking: false, sshKeyIds: [7] } };
  const { action } = plan(
    observedWith({
      annotations: { [annotations.createPending]: JSON.stringify(intent) },
      machine: 'Running',
      observed: { isIntentProven },
    }),
  );
  expect(action).toEqual({
    type: 'RecordIdentity',
    machine: { id: 90, name: 'web-0a1b2c3d', origin: 'Created', ownerId: 1, ...(options && { options }) },
  });
});
