import { describe, expect, it } from 'vitest';
import { type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('crash');
const creates = { method: 'POST', path: '/virtual_machines' } as const;

/** An operator makes the machine of `web`, and is killed before it hears of it. */
async function dieBeforeTheAnswer(fixture: OperatorFixture): Promise<void> {
  fixture.emulator.addFault({ ...creates, when: 'after', action: { kind: 'hang' }, times: 1 });
  const operator = await fixture.operator();
  await fixture.create('web');
  await fixture.cluster.until(
    'the machine is made',
    async () => fixture.emulator.ledger.machinesEverCreated().length === 1,
  );
  await operator.kill();
}

describe('an operator killed with kill -9', () => {
  it('finds its VM again after it died between the create call and its answer', async () => {
    const fixture = await stageFor('after-effect');
    await dieBeforeTheAnswer(fixture);
    await fixture.operator();
    await fixture.untilReady('web', 'True/Available');
    expect(fixture.emulator.ledger.machinesEverCreated()).toHaveLength(1);
    expect(fixture.emulator.ledger.callsByOperation()['CreateMachine']).toBe(1);
  });

  it('creates again only after two complete lists show that the call had no effect', async () => {
    const fixture = await stageFor('before-effect');
    fixture.emulator.addFault({ ...creates, when: 'before', action: { kind: 'hang' }, times: 1 });
    const first = await fixture.operator();
    await fixture.create('web');
    await fixture.cluster.until('the call is in flight', async () => fixture.emulator.ledger.writes().length === 1);
    await first.kill();
    const restartedAt = Date.now();
    await fixture.operator();
    await fixture.untilReady('web', 'False/CreateOutcomeUnknown');
    await fixture.untilReady('web', 'True/Available');
    const [, second] = fixture.emulator.ledger.writes();
    expect(fixture.emulator.ledger.machinesEverCreated()).toHaveLength(1);
    // The deadline of the lost call (3 s) has to pass, and lists to span the visibility window (1 s) after it.
    expect((second?.at ?? 0) - restartedAt).toBeGreaterThanOrEqual(4000);
  });

  it('keeps the VM of an object that was deleted while the answer was lost', async () => {
    const fixture = await stageFor('deleted-meanwhile');
    await dieBeforeTheAnswer(fixture);
    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.operator();
    await fixture.untilGone('web');
    expect(fixture.emulator.ledger.liveMachines()).toEqual([]);
  });

  it(
    'has one VM for each object after it was killed repeatedly while it managed twenty objects',
    { timeout: 240_000 },
    async () => {
      const fixture = await stageFor('again-and-again');
      const { cluster, emulator, namespace } = fixture;
      const names = Array.from({ length: 20 }, (_, index) => `vm-${index}`);
      let operator = await fixture.operator();
      const writesToLive = [3, 9, 14, 21, 30];
      await Promise.all(names.map((name) => fixture.create(name, { powerState: 'Halted' })));
      for (const writes of writesToLive) {
        await cluster.until(`${writes} writes`, async () => emulator.ledger.writes().length >= writes);
        await operator.kill();
        operator = await fixture.operator();
      }
      for (const name of names) await fixture.untilReady(name, 'True/Available');
      expect(emulator.ledger.duplicates()).toEqual([]);
      expect(emulator.ledger.machinesEverCreated()).toHaveLength(20);

      await Promise.all(names.map((name) => cluster.delete(namespace, name)));
      await cluster.until('a third is gone', async () => emulator.ledger.liveMachines().length <= 14);
      await operator.kill();
      await fixture.operator();
      await cluster.until('all are gone', async () => (await cluster.list(namespace)).length === 0);
      expect(emulator.ledger.liveMachines()).toEqual([]);
    },
  );

  it('shuts down on SIGTERM, with the calls in flight recorded', async () => {
    const fixture = await stageFor('sigterm');
    fixture.emulator.addFault({ ...creates, when: 'after', action: { kind: 'delay', ms: 700 }, times: 1 });
    const operator = await fixture.operator();
    await fixture.create('web');
    await fixture.cluster.until('the call is in flight', async () => fixture.emulator.ledger.writes().length === 1);
    expect(await operator.stop()).toBe(0);
    const object = await fixture.object('web');
    const [machine] = fixture.emulator.machines();
    expect(object?.status).toMatchObject({
      id: machine?.id,
      origin: 'Created',
      internal: { objectUID: object?.metadata.uid },
    });
  });
});
