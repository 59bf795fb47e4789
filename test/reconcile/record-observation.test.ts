import { expect, it } from 'vitest';
import type { MachineObservation } from '../../src/plan/observed.ts';
import type { Account } from '../../src/provider/account/account.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import { recordObservation } from '../../src/reconcile/record-observation.ts';
import { machineIn, observedWith, uid } from '../plan/fixtures.ts';

const present: MachineObservation = { kind: 'Present', machine: machineIn('Running') };
const unseen: MachineObservation = { kind: 'Unknown', reason: { kind: 'NotYetSeen' } };
const ofOthers: MachineObservation = { kind: 'Unknown', reason: { kind: 'OtherAccount', ownerId: 2 } };

it.each<{ machine: MachineObservation; credentialStatus: Account['credentialStatus']; isRead: boolean }>([
  { machine: present, credentialStatus: 'Accepted', isRead: false },
  { machine: unseen, credentialStatus: 'Accepted', isRead: false },
  { machine: present, credentialStatus: 'Rejected', isRead: true },
  { machine: ofOthers, credentialStatus: 'Accepted', isRead: true },
])(
  'the key of a VM that is $machine is read again ($isRead) when the provider has $credentialStatus it',
  ({ machine, credentialStatus, isRead }) => {
    const distrusted: unknown[] = [];
    const observed = observedWith({ observed: { machine } });
    // `as`: nothing else of an account is used here.
    const account = { credentialStatus, recreations: { reserve() {}, forget() {} } } as unknown as Account;
    const { object } = observed;
    const preparation = { subject: { key: 'default/web', object }, account };
    recordObservation(
      { credentials: { distrust: (one) => void distrusted.push(one) } },
      // `as`: nor is anything else of a preparation.
      preparation as unknown as Parameters<typeof recordObservation>[1],
      { observed, finding: { machine, requests: [] } } as unknown as Parameters<typeof recordObservation>[2],
      new ObjectState(uid, 0),
    );
    expect(distrusted).toEqual(isRead ? [object] : []);
  },
);
