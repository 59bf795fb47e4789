import { describe, expect, it, vi } from 'vitest';
import { conditionOf, userAt } from './user.ts';
import { type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('policies');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });
const calls = ({ emulator }: OperatorFixture): readonly string[] =>
  emulator.ledger.writes().map(({ operation }) => operation);
const planned = (...steps: readonly string[]) =>
  steps.map((operation) => expect.objectContaining({ operation }) as unknown);
/** Its guest ignores the shutdown signal: powering it off takes the whole grace period. */
const deaf = { osTemplate: { name: 'Appliance (ignores ACPI)' } };

describe('management policies', () => {
  it('Plan shows each next call and sends none until it is Manage', async () => {
    const fixture = await stageFor('plan');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web', { managementPolicy: 'Plan' });
    const first = await fixture.untilReady('web', 'False/PlanOnly');
    expect(first.status?.plannedActions).toEqual([
      {
        operation: 'CreateMachine',
        message: `create VM "${first.status?.providerName}" in region "Amsterdam 1" (1) with package "Budget" (1) and OS template "Debian 13 x64" (1) for 4.00 EUR or 4.50 USD a month`,
      },
    ]);
    expect(first.metadata.finalizers).toBeUndefined();
    await user.untilListed(2);
    expect(calls(fixture)).toEqual([]);
    await user.change('web', { managementPolicy: 'Manage' });
    expect((await fixture.untilReady('web', 'True/Available')).status?.plannedActions).toBeUndefined();

    await user.change('web', { managementPolicy: 'Plan', powerState: 'Halted' });
    expect((await fixture.untilReady('web', 'False/PlanOnly')).status?.plannedActions).toEqual(
      planned('StopMachine', 'KillMachine'),
    );
    await fixture.cluster.delete(fixture.namespace, 'web');
    const deleting = await user.untilCondition('web', 'DeletionBlocked', 'True/PlanOnly');
    expect(deleting.status?.plannedActions).toEqual(planned('StopMachine', 'KillMachine', 'DeleteMachine'));
    await user.untilListed(2);
    expect(calls(fixture)).toEqual(['CreateMachine']);
    await user.change('web', { managementPolicy: 'Manage' });
    await fixture.untilGone('web');
    expect(calls(fixture)).toEqual(['CreateMachine', 'StopMachine', 'DeleteMachine']);
  });

  it('Observe reads a VM, writes nothing anywhere, and leaves it', async () => {
    const fixture = await stageFor('observe');
    const user = userAt(fixture);
    const id = fixture.emulator.panel.create({ ownerId: 1, name: 'legacy' });
    await fixture.operator();
    await fixture.create('web', { managementPolicy: 'Observe', adoption: { policy: 'MustExist', id } });
    await fixture.create('none', { managementPolicy: 'Observe' });
    const object = await fixture.untilReady('web', 'True/Available');
    expect(object.status).toMatchObject({ id, state: 'Running', addresses: [{}] });
    expect([object.metadata.finalizers, object.metadata.annotations, object.status?.origin]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await fixture.untilReady('none', 'False/ObserveOnly');
    fixture.emulator.panel.power(id, 'stop');
    const changed = await fixture.untilReady('web', 'False/ObserveOnly');
    expect(changed.status?.conditions?.[0]?.message).toContain(`due: start VM ${id} ("legacy")`);
    await user.until('web', 'halted', ({ status }) => status?.state === 'Halted');
    await Promise.all(['web', 'none'].map((name) => fixture.cluster.delete(fixture.namespace, name)));
    await Promise.all(['web', 'none'].map((name) => fixture.untilGone(name)));
    expect(calls(fixture)).toEqual([]);
    expect(await user.kubectl('get', 'secrets', '-o', 'name')).toBe('secret/vps247-credentials\n');
  });

  it('a paused object is not changed, not even deleted, until the pause ends', async () => {
    const fixture = await stageFor('paused');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    await user.annotate('web', { paused: 'true' });
    const paused = await user.untilCondition('web', 'Paused', 'True/Paused');
    // The VM was as specified before the pause, and the spec is the same.
    expect(conditionOf(paused, 'Ready')).toBe('True/Paused');
    await user.change('web', { powerState: 'Halted' });
    await user.untilCondition('web', 'Ready', 'Unknown/Paused');
    await fixture.cluster.delete(fixture.namespace, 'web');
    await user.untilCondition('web', 'DeletionBlocked', 'True/Paused');
    await user.untilListed(2);
    expect(calls(fixture)).toEqual(['CreateMachine']);
    await user.annotate('web', { paused: null });
    await fixture.untilGone('web');
    expect(calls(fixture)).toEqual(['CreateMachine', 'StopMachine', 'DeleteMachine']);
  });
});

describe('a deletion', () => {
  it('waits while protected, with the power of the VM as the spec says, and keeps a VM with Retain', async () => {
    const fixture = await stageFor('deletion');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('protected', { deletionProtection: true });
    await fixture.create('retained', { deletionPolicy: 'Retain' });
    await fixture.untilReady('protected', 'True/Available');
    const { status } = await fixture.untilReady('retained', 'True/Available');
    await Promise.all(['protected', 'retained'].map((name) => fixture.cluster.delete(fixture.namespace, name)));
    await fixture.untilGone('retained');
    await user.untilCondition('protected', 'DeletionBlocked', 'True/DeletionProtected');
    await user.untilListed(2);
    expect(calls(fixture)).toEqual(['CreateMachine', 'CreateMachine']);
    await user.change('protected', { powerState: 'Halted' });
    const halted = await user.until(
      'protected',
      'is halted',
      (vm) => vm.status?.internal?.lastSyncedPowerState === 'Halted',
    );
    expect(conditionOf(halted, 'Ready')).toBe('False/DeletionProtected');
    const lift = `kubectl -n ${fixture.namespace} patch vps protected --type merge -p '{"spec":{"deletionProtection":false}}'`;
    expect(await user.kubectl('get', 'vps', 'protected', '-o', 'wide')).toContain(lift);
    await user.change('protected', { deletionProtection: false });
    await fixture.untilGone('protected');
    expect(calls(fixture).slice(2)).toEqual(['StopMachine', 'DeleteMachine']);
    expect(fixture.emulator.ledger.liveMachines().map(({ id }) => id)).toEqual([status?.id]);
  });

  it('waits for a rejected key, and does not with Retain', async () => {
    const fixture = await stageFor('rejected-key');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    await fixture.cluster.putSecret(fixture.namespace, 'not-the-key');
    await fixture.untilReady('web', 'Unknown/CredentialsRejected');
    await fixture.cluster.delete(fixture.namespace, 'web');
    await user.untilCondition('web', 'DeletionBlocked', 'True/CredentialsRejected');
    await user.change('web', { deletionPolicy: 'Retain' });
    await fixture.untilGone('web');
    expect(calls(fixture)).toEqual(['CreateMachine']);
    expect(fixture.emulator.ledger.liveMachines()).toHaveLength(1);
  });

  it('is not delayed for the whole grace period when the power off is forced', async () => {
    const fixture = await stageFor('forced');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web', { ...deaf, powerOff: { gracePeriodSeconds: 3600 } });
    await fixture.untilReady('web', 'True/Available');
    await fixture.cluster.delete(fixture.namespace, 'web');
    await user.until('web', 'is shut down', ({ status }) => status?.operation?.type === 'Stop');
    await user.annotate('web', { 'force-power-off': 'true' });
    await fixture.untilGone('web');
    expect(calls(fixture)).toEqual(['CreateMachine', 'StopMachine', 'KillMachine', 'DeleteMachine']);
  });
});

describe('changes outside the operator', () => {
  it('a deleted VM is recreated once, or reported', async () => {
    const fixture = await stageFor('external-delete');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('again');
    await fixture.create('reported', { onExternalDelete: 'Report' });
    const [again, reported] = [
      await fixture.untilReady('again', 'True/Available'),
      await fixture.untilReady('reported', 'True/Available'),
    ];
    for (const { status } of [again, reported]) fixture.emulator.panel.delete(status?.id ?? 0);
    const after = await user.until(
      'again',
      'has a new machine that is ready',
      (object) => object.status?.id !== again.status?.id && conditionOf(object, 'Ready') === 'True/Available',
    );
    expect(after.status?.providerName).toBe(again.status?.providerName);
    expect(await user.events('again')).toContain('Warning ExternallyDeleted 1');
    const gone = await fixture.untilReady('reported', 'False/ExternallyDeleted');
    expect(gone.status).toMatchObject({ id: reported.status?.id });
    expect(gone.status?.state).toBeUndefined();
    await user.untilListed(2);
    expect(calls(fixture)).toEqual(['CreateMachine', 'CreateMachine', 'CreateMachine']);
    expect(fixture.emulator.ledger.duplicates()).toEqual([]);

    // The user changes the spec again.
    await user.change('reported', { onExternalDelete: 'Recreate' });
    await fixture.untilReady('reported', 'True/Available');
    expect(fixture.emulator.machines()).toHaveLength(2);
  });

  it('power drift is reported and left, until the spec says otherwise', async () => {
    const fixture = await stageFor('drift');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web', { powerDriftPolicy: 'Report' });
    const { status } = await fixture.untilReady('web', 'True/Available');
    fixture.emulator.panel.power(status?.id ?? 0, 'stop');
    await fixture.untilReady('web', 'False/PowerDrift');
    await user.until('web', 'halted', (object) => object.status?.state === 'Halted');
    await user.untilListed(2);
    expect(calls(fixture)).toEqual(['CreateMachine']);
    await user.change('web', { powerState: 'Halted' });
    await fixture.untilReady('web', 'True/Available');
    await user.change('web', { powerState: 'Running' });
    await user.until(
      'web',
      'runs again',
      (object) => object.status?.state === 'Running' && conditionOf(object, 'Ready') === 'True/Available',
    );
    fixture.emulator.panel.power(status?.id ?? 0, 'stop');
    await fixture.untilReady('web', 'False/PowerDrift');
    await user.change('web', { powerDriftPolicy: 'Correct' });
    await fixture.untilReady('web', 'True/Available');
    expect(calls(fixture)).toEqual(['CreateMachine', 'StartMachine', 'StartMachine']);
    expect(await user.events('web')).toContainEqual(expect.stringMatching(/^Warning PowerDrift /));
  });
});

describe('annotations', () => {
  it('reconcile-requested-at is acknowledged in the status, and ends a backoff', async () => {
    const fixture = await stageFor('request', {
      switches: { bootLoopNames: 'loop-*', bootLoopAfter: 800, bootLoopCount: 1 },
    });
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('loop');
    const { status } = await fixture.untilReady('loop', 'False/StartBackoff');
    await user.annotate('loop', { 'reconcile-requested-at': '2026-01-01T00:00:00Z' });
    await user.until('loop', 'answers', (object) => object.status?.lastHandledReconcileAt === '2026-01-01T00:00:00Z');
    await fixture.untilReady('loop', 'True/Available');
    const start = fixture.emulator.ledger.calls.find(({ operation }) => operation === 'StartMachine');
    expect(start?.at).toBeLessThan(Date.parse(status?.startFailure?.retryTime ?? ''));

    // Any other value is a new request; the VM is in sync, so it costs one list and one status.
    const lists = fixture.emulator.ledger.callsByOperation().ListMachines ?? 0;
    await user.annotate('loop', { 'reconcile-requested-at': 'again' });
    await user.until('loop', 'answers', (object) => object.status?.lastHandledReconcileAt === 'again');
    expect(fixture.emulator.ledger.callsByOperation().ListMachines).toBeGreaterThan(lists);
  });

  it('an invalid value is reported once, and counts as absent', async () => {
    const fixture = await stageFor('senseless');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    await user.annotate('web', { paused: 'yes', 'force-power-off': 'True' });
    await fixture.cluster.until('it is reported', async () => {
      const events = await user.events('web');
      return events.filter((event) => event === 'Warning InvalidAnnotation 1').length === 2;
    });
    await user.change('web', { powerState: 'Halted' });
    await user.until('web', 'halted', ({ status }) => status?.state === 'Halted');
    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    expect(calls(fixture)).toEqual(['CreateMachine', 'StopMachine', 'DeleteMachine']);
    expect((await user.events('web')).filter((event) => event.includes('InvalidAnnotation'))).toEqual([
      'Warning InvalidAnnotation 1',
      'Warning InvalidAnnotation 1',
    ]);
  });
});
