import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { annotations, finalizer } from '../../../src/api/v1alpha1/constants.ts';
import { userAt } from './user.ts';
import { useFixtures } from './fixture.ts';

const stageFor = useFixtures('life');

describe('an object on the real API server', () => {
  it('uses every call: create, stop, start, kill, delete', async () => {
    const fixture = await stageFor('every-call');
    const { cluster, emulator, namespace } = fixture;
    await fixture.operator();
    const created = await fixture.create('web');
    const running = await fixture.untilReady('web', 'True/Available');
    const [machine] = emulator.machines();
    expect(running.status).toMatchObject({
      observedGeneration: 1,
      id: machine?.id,
      providerName: `web-${created.metadata.uid.slice(0, 8)}`,
      origin: 'Created',
      ownerId: 1,
      state: 'Running',
      region: { name: 'Amsterdam 1' },
      package: { name: 'Budget' },
      osTemplate: { name: 'Debian 13 x64' },
    });
    expect(running.status?.addresses?.length).toBeGreaterThan(0);
    expect(running.metadata.finalizers).toEqual([finalizer]);
    expect(running.metadata.annotations?.[annotations.createPending]).toBeUndefined();
    expect(JSON.parse(running.metadata.annotations?.[annotations.machine] ?? '')).toEqual({
      id: machine?.id,
      uid: created.metadata.uid,
      owner: 1,
    });

    await cluster.patch(namespace, 'web', { spec: { powerState: 'Halted' } });
    await fixture.untilReady('web', 'False/Stopping');
    expect((await fixture.untilReady('web', 'True/Available')).status).toMatchObject({
      state: 'Halted',
      observedGeneration: 2,
    });
    // In a cluster that is the pod's name, by which you find the log.
    const reporters = ['get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].reportingInstance}'];
    expect(new Set((await userAt(fixture).kubectl(...reporters)).split(' '))).toEqual(new Set([hostname()]));

    await cluster.patch(namespace, 'web', { spec: { powerState: 'Running' } });
    await fixture.untilReady('web', 'False/Starting');
    expect((await fixture.untilReady('web', 'True/Available')).status?.state).toBe('Running');

    await cluster.patch(namespace, 'web', { spec: { powerState: 'Halted', powerOff: { mode: 'Hard' } } });
    await fixture.untilReady('web', 'False/Stopping');
    expect((await fixture.untilReady('web', 'True/Available')).status?.state).toBe('Halted');

    await cluster.delete(namespace, 'web');
    await fixture.untilGone('web');

    const { ledger } = emulator;
    expect(ledger.liveMachines()).toEqual([]);
    expect(ledger.forbiddenTransitions()).toEqual([]);
    expect(ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
      'StartMachine',
      'KillMachine',
      'DeleteMachine',
    ]);
  });

  it('cuts the power of a guest that ignores the shutdown signal, after the grace period and once', async () => {
    const fixture = await stageFor('deaf-guest');
    await fixture.operator();
    await fixture.create('deaf', {
      osTemplate: { name: 'Appliance (ignores ACPI)' },
      powerOff: { gracePeriodSeconds: 2 },
    });
    await fixture.untilReady('deaf', 'True/Available');
    await fixture.cluster.delete(fixture.namespace, 'deaf');
    await fixture.untilGone('deaf');
    const { ledger } = fixture.emulator;
    expect(ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
      'KillMachine',
      'DeleteMachine',
    ]);
    const [, stop, kill] = ledger.writes();
    expect((kill?.at ?? 0) - (stop?.at ?? 0)).toBeGreaterThanOrEqual(2000);
    expect(ledger.liveMachines()).toEqual([]);
  });

  it('leaves no VM of objects that are deleted at the moment of their creation', async () => {
    const fixture = await stageFor('in-the-same-moment');
    const { cluster, emulator, namespace } = fixture;
    await fixture.operator();
    // The operator stores its finalizer within milliseconds of the watch event: some deletions come before, some meanwhile, some after.
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        await fixture.create(`vm-${index}`);
        await new Promise((resolve) => setTimeout(resolve, index % 16));
        await cluster.delete(namespace, `vm-${index}`);
      }),
    );
    // Several times in a row: a create call may be on its way.
    let times = 0;
    await cluster.until('no object and no VM is left', async () => {
      const isEmpty = (await cluster.list(namespace)).length === 0 && emulator.ledger.liveMachines().length === 0;
      times = isEmpty ? times + 1 : 0;
      return times === 10;
    });
    expect(emulator.ledger.duplicates()).toEqual([]);
  });

  it('manages fifty VMs with fifty creates and one list a poll', async () => {
    const fixture = await stageFor('fifty');
    const { cluster, emulator, namespace } = fixture;
    await fixture.operator();
    const names = Array.from({ length: 50 }, (_, index) => `vm-${index}`);
    const startedAt = performance.now();
    await Promise.all(names.map((name) => fixture.create(name)));
    await cluster.until('all fifty are Ready', async () => {
      const objects = await cluster.list(namespace);
      return (
        objects.filter((object) =>
          object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
        ).length === 50
      );
    });
    expect(emulator.ledger.machinesEverCreated()).toHaveLength(50);
    expect(emulator.ledger.callsByOperation()['CreateMachine']).toBe(50);

    await Promise.all(names.map((name) => cluster.delete(namespace, name)));
    await cluster.until('all fifty are gone', async () => (await cluster.list(namespace)).length === 0);
    const seconds = (performance.now() - startedAt) / 1000;

    const calls = emulator.ledger.callsByOperation();
    expect(emulator.ledger.liveMachines()).toEqual([]);
    expect(emulator.ledger.duplicates()).toEqual([]);
    expect(emulator.ledger.forbiddenTransitions()).toEqual([]);
    expect({ ...calls, ListMachines: 0 }).toMatchObject({
      CreateMachine: 50,
      StopMachine: 50,
      DeleteMachine: 50,
      GetMachine: 50,
    });
    // One list per 200 ms of urgency at most, however many objects.
    expect(calls['ListMachines']).toBeLessThanOrEqual(Math.ceil(seconds / 0.2) + 1);
  });

  it('corrects power drift, and writes nothing while nothing changes', async () => {
    const fixture = await stageFor('drift');
    const { emulator } = fixture;
    const operator = await fixture.operator();
    await fixture.create('web', { powerState: 'Running' });
    const before = await fixture.untilReady('web', 'True/Available');
    const { metrics } = await operator.addresses;
    // Intent, identity, status while provisioning, the password's Secret, status when running; and an event for each of the
    // two reasons. A write is stored before the operator counts its response.
    const creating = { virtualmachines: 2, 'virtualmachines/status': 2, secrets: 1, events: 2 };
    await expect.poll(() => writesOf(metrics)).toEqual(creating);

    const lists = () => emulator.ledger.callsByOperation()['ListMachines'] ?? 0;
    const listsBefore = lists();
    await fixture.cluster.until('three idle polls', async () => lists() >= listsBefore + 3);
    expect(await writesOf(metrics)).toEqual(creating);
    expect((await fixture.object('web'))?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);

    emulator.panel.power(before.status?.id ?? 0, 'stop');
    await fixture.untilReady('web', 'False/Starting');
    await fixture.untilReady('web', 'True/Available');
    expect(emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['CreateMachine', 'StartMachine']);
    await expect.poll(async () => (await writesOf(metrics))['virtualmachines/status']).toBe(4);

    // A delete costs two: the status that reports the shutdown, and the finalizer.
    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    await expect.poll(() => writesOf(metrics)).toMatchObject({ virtualmachines: 3, 'virtualmachines/status': 5 });
  });

  it('reports that its VM was deleted outside the operator, creates no second one, and releases the object', async () => {
    const fixture = await stageFor('externally-deleted');
    const { cluster, emulator, namespace } = fixture;
    await fixture.operator();
    await fixture.create('kept');
    await fixture.create('lost', { onExternalDelete: 'Report' });
    await fixture.untilReady('kept', 'True/Available');
    const before = await fixture.untilReady('lost', 'True/Available');
    emulator.panel.delete(before.status?.id ?? 0);
    const after = await fixture.untilReady('lost', 'False/ExternallyDeleted');
    expect(after.status).toMatchObject({ id: before.status?.id, providerName: before.status?.providerName });
    expect(after.status?.state).toBeUndefined();

    const lists = () => emulator.ledger.callsByOperation()['ListMachines'] ?? 0;
    const listsBefore = lists();
    await cluster.until('three idle polls', async () => lists() >= listsBefore + 3);
    // One for the reconciliation that found out, one for the reconciliation that its own status brought about.
    expect(emulator.ledger.callsByOperation()['GetMachine']).toBeLessThanOrEqual(2);

    await cluster.delete(namespace, 'lost');
    await fixture.untilGone('lost');
    expect(emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['CreateMachine', 'CreateMachine']);
  });
});

/** Requests of the operator that changed something in Kubernetes, by resource, by its own metrics. */
async function writesOf(metricsUrl: string): Promise<Record<string, number>> {
  const page = await (await fetch(`${metricsUrl}/metrics`)).text();
  const line = /^rest_client_requests_total\{code="20\d",.*verb="(?:patch|create)",resource="([^"]+)"\} (\d+)$/gm;
  const counts: Record<string, number> = {};
  for (const [, resource = '', count] of page.matchAll(line)) {
    // What the operator may do is asked for at its start by creating a question; nothing of it is stored.
    if (resource === 'selfsubjectaccessreviews') continue;
    counts[resource] = (counts[resource] ?? 0) + Number(count);
  }
  return counts;
}
