import { failure, machineIn } from './fixtures.ts';
import { halted, hard } from './powers.ts';
import { describeRows } from './rows.ts';

describeRows('guards', [
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
    given: {
      id: 90,
      machine: { kind: 'ReadFailed', failure: failure({ class: 'Credentials', code: 'HtmlResponse' }) },
    },
    action: 'None',
    reason: 'CredentialsRejected',
  },
  {
    because: 'so is a key without the permission',
    given: {
      id: 90,
      machine: { kind: 'ReadFailed', failure: failure({ class: 'Credentials', code: 'Forbidden', status: 403 }) },
    },
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
    because: 'deleted outside the operator, and confirmed: recreated, by default',
    given: { id: 90, machine: 'Absent' },
    action: 'Create',
    reason: 'Creating',
  },
  {
    because: 'restored from a backup: neither created nor touched',
    given: { id: 90, recordedFor: 'another-uid', machine: 'Running', spec: halted },
    action: 'None',
    reason: 'IdentityFromOtherObject',
  },
  {
    because: 'an annotation edited into nonsense is not an absent one',
    given: { annotations: { 'vps247.com/machine': '{"id":"ninety"}' } },
    action: 'None',
    reason: 'IdentityUnproven',
  },
  {
    because: 'an id edited to point at an unmanaged VM does not reach it',
    given: { id: 91, machine: machineIn('Running', { id: 91, name: 'unmanaged' }), spec: hard },
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
    because: 'an object that only observes reports a VM of another object too',
    given: {
      spec: { managementPolicy: 'Observe', providerName: 'site', adoption: { policy: 'MustExist' } },
      machine: machineIn('Halted', { name: 'site' }),
      observed: { machineConflict: 'b/other' },
    },
    action: 'None',
    reason: 'HeldByOtherObject',
  },
  {
    because: 'a state this version does not know is left alone',
    given: { id: 90, machine: 'Unknown', spec: halted },
    action: 'None',
    reason: 'ProtocolError',
  },
]);
