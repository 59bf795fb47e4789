import { describe, expect, it } from 'vitest';
import { apiVersion, finalizer, kind } from '../../../src/api/v1alpha1/constants.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import { spec, useFixtures } from './fixture.ts';

const stageFor = useFixtures('garbage-collector');
/** A patch. */
const unheld = JSON.stringify({ metadata: { finalizers: null } });

describe('with the real garbage collector', () => {
  it('deletes the VM when the owner of its object is deleted, and its dependents are garbage-collected', async () => {
    const fixture = await stageFor('owners');
    const { cluster, emulator, namespace } = fixture;
    await fixture.operator();
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'team', namespace } };
    await cluster.apply(owner);
    const ownerUid = (await cluster.read(owner))?.metadata?.uid ?? '';
    await cluster.apply({
      apiVersion,
      kind,
      metadata: {
        name: 'web',
        namespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'team', uid: ownerUid }],
      },
      spec,
    });
    const object = await fixture.untilReady('web', 'True/Available');
    const owned = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'owned',
        namespace,
        ownerReferences: [{ apiVersion, kind, name: 'web', uid: object.metadata.uid }],
      },
    };
    await cluster.apply(owned);

    await cluster.remove(owner);
    await cluster.until('the collector deletes the object', async () => {
      const current = await fixture.object('web');
      return current === undefined || current.metadata.deletionTimestamp !== undefined;
    });
    await fixture.untilGone('web');
    await cluster.until('the collector deletes what it owned', async () => (await cluster.read(owned)) === undefined);
    expect(emulator.ledger.liveMachines()).toEqual([]);
    expect(emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
      'DeleteMachine',
    ]);
  });

  it('leaves the finalizers of others: an object deleted in the foreground waits for its dependents, and for a backup', async () => {
    const fixture = await stageFor('foreground');
    const { cluster, emulator, namespace } = fixture;
    const backup = 'backup.example.com/hold';
    await cluster.apply({ apiVersion, kind, metadata: { name: 'web', namespace, finalizers: [backup] }, spec });
    await fixture.operator();
    const { metadata } = await fixture.untilReady('web', 'True/Available');
    expect(metadata.finalizers).toEqual([backup, finalizer]);
    const owner = { apiVersion, kind, name: 'web', uid: metadata.uid, blockOwnerDeletion: true };
    const owned = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'owned', namespace, finalizers: ['example.com/slow'], ownerReferences: [owner] },
    };
    await cluster.apply(owned);

    await kubectl(['-n', namespace, 'delete', 'vps', 'web', '--cascade=foreground', '--wait=false']);
    const finalizers = async () => (await fixture.object('web'))?.metadata.finalizers;
    await cluster.until('only the finalizers of others are left', async () => (await finalizers())?.length === 2);
    expect((await finalizers())?.toSorted()).toEqual([backup, 'foregroundDeletion']);
    expect(emulator.ledger.liveMachines()).toEqual([]);

    await kubectl(['-n', namespace, 'patch', 'configmap', 'owned', '--type=merge', '-p', unheld]);
    await cluster.until('only the backup is left', async () => (await finalizers())?.length === 1);
    expect(await finalizers()).toEqual([backup]);
    expect(await cluster.read(owned)).toBeUndefined();
    await kubectl(['-n', namespace, 'patch', 'vps', 'web', '--type=merge', '-p', unheld]);
    await fixture.untilGone('web');
    expect(emulator.ledger.machinesEverCreated()).toHaveLength(1);
  });

  it('keeps a deleted object, with its finalizer, until its VM is deleted, and its namespace with it', async () => {
    const fixture = await stageFor('finalizer');
    const { cluster, emulator, namespace } = fixture;
    const operator = await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    await operator.kill();
    await cluster.deleteNamespace(namespace);
    await cluster.until(
      'the namespace is being deleted',
      async () => (await fixture.object('web'))?.metadata.deletionTimestamp !== undefined,
    );
    expect((await fixture.object('web'))?.metadata.finalizers).toEqual([finalizer]);
    expect(emulator.ledger.liveMachines()).toHaveLength(1);

    // The Secret went with the namespace, but not the machine: the object stays and says what it lacks.
    await fixture.operator();
    await fixture.untilReady('web', 'Unknown/CredentialsMissing');
    expect(emulator.ledger.liveMachines()).toHaveLength(1);
  });
});
