import { describe, expect, it } from 'vitest';
import { type Stage, type StageOptions, useStages } from './fixture.ts';

const stageFor = useStages('quirks');
type Switches = NonNullable<StageOptions['switches']>;

/** Created, halted, started, deleted; answers the changing calls it took. */
async function live(stage: Stage): Promise<readonly string[]> {
  const { cluster, emulator, namespace } = stage;
  await stage.operator();
  await stage.create('web', { powerOff: { gracePeriodSeconds: 3 } });
  await stage.untilReady('web', 'True/Available');
  await cluster.patch(namespace, 'web', { spec: { powerState: 'Halted' } });
  await cluster.until('web is halted', async () => (await stage.object('web'))?.status?.state === 'Halted');
  await stage.untilReady('web', 'True/Available');
  await cluster.patch(namespace, 'web', { spec: { powerState: 'Running' } });
  await cluster.until('web runs', async () => (await stage.object('web'))?.status?.state === 'Running');
  await stage.untilReady('web', 'True/Available');
  await cluster.delete(namespace, 'web');
  await stage.untilGone('web');
  expect(emulator.ledger.machinesEverCreated()).toHaveLength(1);
  expect(emulator.ledger.liveMachines()).toEqual([]);
  expect(emulator.ledger.forbiddenTransitions()).toEqual([]);
  return emulator.ledger.writes().map(({ operation }) => operation);
}

describe('a provider with ways of its own', () => {
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
      quirk: 'tells nothing it does not have to',
      switches: { optionalFields: 'missing', lastTask: 'missing', createAnswer: 'id' },
    },
    { quirk: 'keeps the task of a stop until the machine is halted', switches: { stopTask: 'lasts-until-halted' } },
    { quirk: 'shows deleted machines for a while', switches: { deletedListLag: 700 } },
  ])('$quirk: one machine, and no call too many', async ({ quirk, switches }) => {
    const stage = await stageFor(quirk.replaceAll(/\W+/g, '-'), { switches });
    expect(await live(stage)).toEqual(['CreateMachine', 'StopMachine', 'StartMachine', 'StopMachine', 'DeleteMachine']);
  });

  it('takes its time over a create while the object is changed: the machine is recorded in the object as it is then', async () => {
    const stage = await stageFor('changed-meanwhile');
    const { cluster, emulator, namespace } = stage;
    emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'delay', ms: 4_000 } });
    const operator = stage.start({ settings: { 'api-response-timeout': '30s' } });
    const { metrics } = await operator.addresses;
    await stage.create('web');
    await cluster.until('a machine is made', async () => emulator.ledger.machinesEverCreated().length === 1);
    const others = Array.from({ length: 40 }, (_, index) => `example.com/finalizer-${index}`);
    const finalizers = [...((await stage.object('web'))?.metadata.finalizers ?? []), ...others];
    await cluster.patch(namespace, 'web', {
      metadata: { namespace, name: 'web', labels: { team: 'blue' }, finalizers },
    });
    const { metadata, status } = await stage.untilReady('web', 'True/Available');
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

  it('calls a guest running that ignores the signal: it is cut off once, after its grace period', async () => {
    const stage = await stageFor('deaf-and-reset', {
      switches: { ignoredStop: 'stays-running', ignoresShutdownNames: 'deaf-*' },
    });
    await stage.operator();
    await stage.create('deaf', { powerState: 'Halted', powerOff: { gracePeriodSeconds: 1 } });
    await stage.untilReady('deaf', 'True/Available');
    expect(stage.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
      'KillMachine',
    ]);
  });

  it('has a guest that does not stay up: started again ever more slowly, and said so', async () => {
    const stage = await stageFor('boot-loop', { switches: { bootLoopNames: 'loop-*', bootLoopAfter: 800 } });
    await stage.operator();
    await stage.create('loop');
    const object = await stage.untilReady('loop', 'False/StartBackoff');
    const { retryTime = '', lastTime = '' } = object.status?.startFailure ?? {};
    expect(object.status?.startFailure?.count).toBe(1);
    expect(Date.parse(retryTime) - Date.parse(lastTime)).toBeGreaterThanOrEqual(5_000);
    await stage.cluster.until(
      'it is started again',
      async () => stage.emulator.ledger.callsByOperation()['StartMachine'] === 1,
    );
    const start = stage.emulator.ledger.writes().at(-1);
    expect(start?.at).toBeGreaterThanOrEqual(Date.parse(retryTime) - 1);
    const second = await stage.untilReady('loop', 'False/StartBackoff');
    await stage.cluster.until(
      'the second failure counts',
      async () => (await stage.object('loop'))?.status?.startFailure?.count === 2,
    );
    expect(second.metadata.uid).toBe(object.metadata.uid);
  });

  it('limits the rate: waits as told, and a healthy machine stays Ready', async () => {
    const stage = await stageFor('rate-limit');
    await stage.operator();
    await stage.create('web');
    await stage.untilReady('web', 'True/Available');
    stage.emulator.addFault({
      method: 'GET',
      path: '/virtual_machines',
      when: 'instead',
      times: 1,
      action: { kind: 'rate-limit', retryAfter: '3' },
    });
    await stage.cluster.until('Synced says so', async () => {
      const object = await stage.object('web');
      return (
        object?.status?.conditions?.some(({ type, reason }) => type === 'Synced' && reason === 'RateLimited') === true
      );
    });
    expect((await stage.object('web'))?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'True',
      reason: 'RateLimited',
    });
    const limited = stage.emulator.ledger.calls.find(({ outcome }) => outcome === 429);
    await stage.cluster.until('it is over', async () => {
      const object = await stage.object('web');
      return (
        object?.status?.conditions?.some(({ type, reason }) => type === 'Synced' && reason === 'Available') === true
      );
    });
    const next = stage.emulator.ledger.calls.find(({ seq }) => seq > (limited?.seq ?? Infinity));
    expect((next?.at ?? 0) - (limited?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
  });
});
