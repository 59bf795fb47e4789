import { describe, expect, it } from 'vitest';
import { type OperatorFixture, type FixtureOptions, useFixtures } from './fixture.ts';

const stageFor = useFixtures('quirks');
type Switches = NonNullable<FixtureOptions['switches']>;

/** Created, halted, started, deleted; answers the changing calls it took. */
async function live(fixture: OperatorFixture): Promise<readonly string[]> {
  const { cluster, emulator, namespace } = fixture;
  await fixture.operator();
  await fixture.create('web', { powerOff: { gracePeriodSeconds: 3 } });
  await fixture.untilReady('web', 'True/Available');
  await cluster.patch(namespace, 'web', { spec: { powerState: 'Halted' } });
  await cluster.until('web is halted', async () => (await fixture.object('web'))?.status?.state === 'Halted');
  await fixture.untilReady('web', 'True/Available');
  await cluster.patch(namespace, 'web', { spec: { powerState: 'Running' } });
  await cluster.until('web runs', async () => (await fixture.object('web'))?.status?.state === 'Running');
  await fixture.untilReady('web', 'True/Available');
  await cluster.delete(namespace, 'web');
  await fixture.untilGone('web');
  expect(emulator.ledger.machinesEverCreated()).toHaveLength(1);
  expect(emulator.ledger.liveMachines()).toEqual([]);
  expect(emulator.ledger.forbiddenTransitions()).toEqual([]);
  return emulator.ledger.writes().map(({ operation }) => operation);
}

describe('an unusual provider', () => {
  it.each<{ quirk: string; switches: Switches }>([
    { quirk: 'shows new machines late, in the list later than by id', switches: { listLag: 900, getLag: 400 } },
    { quirk: 'shows no machine by id for a while', switches: { listLag: 300, getLag: 900 } },
    { quirk: 'answers a create without the id', switches: { createAnswer: 'success', listLag: 300 } },
    {
      quirk: 'words everything differently',
      switches: {
        listShape: 'data',
        itemShape: 'vm',
        idShape: 'string',
        addressShape: 'ip_assignments',
        stateSpelling: 'aliases',
        powerAnswer: 'empty',
        unknownFields: 'some',
      },
    },
    {
      quirk: 'reports only required values',
      switches: { optionalFields: 'missing', lastTask: 'missing', createAnswer: 'id' },
    },
    { quirk: 'keeps the task of a stop until the machine is halted', switches: { stopTask: 'lasts-until-halted' } },
    { quirk: 'shows deleted machines for a while', switches: { deletedListLag: 700 } },
  ])('$quirk: one VM, and no call too many', async ({ quirk, switches }) => {
    const fixture = await stageFor(quirk.replaceAll(/\W+/g, '-'), { switches });
    expect(await live(fixture)).toEqual([
      'CreateMachine',
      'StopMachine',
      'StartMachine',
      'StopMachine',
      'DeleteMachine',
    ]);
  });

  it('takes long for a create while the object is changed: the VM is recorded in the changed object', async () => {
    const fixture = await stageFor('changed-meanwhile');
    const { cluster, emulator, namespace } = fixture;
    emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'delay', ms: 4_000 } });
    const operator = fixture.start({ settings: { 'api-response-timeout': '30s' } });
    const { metrics } = await operator.addresses;
    await fixture.create('web');
    await cluster.until('a machine is made', async () => emulator.ledger.machinesEverCreated().length === 1);
    const others = Array.from({ length: 40 }, (_, index) => `example.com/finalizer-${index}`);
    const finalizers = [...((await fixture.object('web'))?.metadata.finalizers ?? []), ...others];
    await cluster.patch(namespace, 'web', {
      metadata: { namespace, name: 'web', labels: { team: 'blue' }, finalizers },
    });
    const { metadata, status } = await fixture.untilReady('web', 'True/Available');
    expect(metadata.labels).toEqual({ team: 'blue' });
    expect(metadata.finalizers?.toSorted()).toEqual(finalizers.toSorted());
    expect(metadata.annotations).toHaveProperty('vps247.com/machine', expect.stringContaining(String(status?.id)));
    expect(emulator.ledger.machinesEverCreated()).toHaveLength(1);
    // So many finalizers are not kept in memory: they are read again for the patch that must not remove them.
    const page = await (await fetch(`${metrics}/metrics`)).text();
    expect(page).toMatch(
      /rest_client_requests_total\{code="200",method="GET",.*verb="get",resource="virtualmachines"\} [1-9]/,
    );
    await cluster.patch(namespace, 'web', {
      metadata: { namespace, name: 'web', finalizers: finalizers.filter((name) => !others.includes(name)) },
    });
  });

  it('reports a guest as running that ignores the signal: its power is cut once, after its grace period', async () => {
    const fixture = await stageFor('deaf-and-reset', {
      switches: { ignoredStop: 'stays-running', ignoresShutdownNames: 'deaf-*' },
    });
    await fixture.operator();
    await fixture.create('deaf', { powerState: 'Halted', powerOff: { gracePeriodSeconds: 1 } });
    await fixture.untilReady('deaf', 'True/Available');
    expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
      'KillMachine',
    ]);
  });

  it('has a guest that does not stay up: it is started with exponential backoff, and reported', async () => {
    const fixture = await stageFor('boot-loop', { switches: { bootLoopNames: 'loop-*', bootLoopAfter: 800 } });
    await fixture.operator();
    await fixture.create('loop');
    const object = await fixture.untilReady('loop', 'False/StartBackoff');
    const { retryTime = '', lastTime = '' } = object.status?.startFailure ?? {};
    expect(object.status?.startFailure?.count).toBe(1);
    expect(Date.parse(retryTime) - Date.parse(lastTime)).toBeGreaterThanOrEqual(5_000);
    await fixture.cluster.until(
      'it is started again',
      async () => fixture.emulator.ledger.callsByOperation()['StartMachine'] === 1,
    );
    const start = fixture.emulator.ledger.writes().at(-1);
    expect(start?.at).toBeGreaterThanOrEqual(Date.parse(retryTime) - 1);
    const second = await fixture.untilReady('loop', 'False/StartBackoff');
    await fixture.cluster.until(
      'the second failure counts',
      async () => (await fixture.object('loop'))?.status?.startFailure?.count === 2,
    );
    expect(second.metadata.uid).toBe(object.metadata.uid);
  });

  it('limits the rate: the operator waits as requested, and a VM in sync stays Ready', async () => {
    const fixture = await stageFor('rate-limit');
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    fixture.emulator.addFault({
      method: 'GET',
      path: '/virtual_machines',
      when: 'instead',
      times: 1,
      action: { kind: 'rate-limit', retryAfter: '3' },
    });
    await fixture.cluster.until('Synced reports it', async () => {
      const object = await fixture.object('web');
      return (
        object?.status?.conditions?.some(({ type, reason }) => type === 'Synced' && reason === 'RateLimited') === true
      );
    });
    expect((await fixture.object('web'))?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'True',
      reason: 'RateLimited',
    });
    const limited = fixture.emulator.ledger.calls.find(({ outcome }) => outcome === 429);
    await fixture.cluster.until('it is over', async () => {
      const object = await fixture.object('web');
      return (
        object?.status?.conditions?.some(({ type, reason }) => type === 'Synced' && reason === 'Available') === true
      );
    });
    const next = fixture.emulator.ledger.calls.find(({ seq }) => seq > (limited?.seq ?? Infinity));
    expect((next?.at ?? 0) - (limited?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
  });
});
