import { describe, expect, it } from 'vitest';
import type { OperatorProcess } from '../../support/operator-process.ts';
import { isLeading, metric } from './candidates.ts';
import { spec, type Stage, useStages } from './fixture.ts';

const stageFor = useStages('scope');

/** One that acts on `shard=<shard>`, with the Lease of that scope. */
async function startShard(stage: Stage, shard: string): Promise<OperatorProcess> {
  const operator = await stage.operator([`--selector=shard=${shard}`, '--leader-election-namespace=vps247-system']);
  await stage.cluster.until(`${shard} leads`, () => isLeading(operator));
  return operator;
}

async function create(stage: Stage, name: string, shard: string, more: object = {}): Promise<void> {
  const { cluster, namespace } = stage;
  const labels = { shard };
  const metadata = { name, namespace, labels };
  await cluster.apply({
    apiVersion: 'vps247.com/v1alpha1',
    kind: 'VirtualMachine',
    metadata,
    spec: { ...spec, ...more },
  });
}

describe('two shards in one namespace', () => {
  it('both act, each on its own objects', async () => {
    const stage = await stageFor('both-act');
    const [a, b] = [await startShard(stage, 'a'), await startShard(stage, 'b')];
    const names = Array.from({ length: 6 }, (_, index) => `vm-${index}`);
    for (const [index, name] of names.entries()) await create(stage, name, index < 4 ? 'a' : 'b');
    await stage.create('unlabelled');
    for (const name of names) await stage.untilReady(name, 'True/Available');
    expect(stage.emulator.ledger.callsByOperation()['CreateMachine']).toBe(6);
    expect([await metric(a, 'machines'), await metric(b, 'machines')]).toEqual([4, 2]);
    expect((await stage.object('unlabelled'))?.metadata.finalizers ?? []).toEqual([]);
  });

  it('an object whose labels change moves, with its machine', async () => {
    const stage = await stageFor('moves');
    const [a, b] = [await startShard(stage, 'a'), await startShard(stage, 'b')];
    await create(stage, 'web', 'a');
    const before = await stage.untilReady('web', 'True/Available');
    await stage.cluster.patch(stage.namespace, 'web', {
      metadata: { name: 'web', namespace: stage.namespace, labels: { shard: 'b' } },
    });
    await stage.cluster.until('b has it', async () => (await metric(b, 'machines')) === 1);
    expect(await metric(a, 'machines')).toBe(0);
    await a.kill();
    await stage.cluster.patch(stage.namespace, 'web', { spec: { powerState: 'Halted' } });
    await stage.cluster.until('web is halted', async () => (await stage.object('web'))?.status?.state === 'Halted');
    expect((await stage.object('web'))?.status?.id).toBe(before.status?.id);
    expect(stage.emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['CreateMachine', 'StopMachine']);
  });

  it('a name and a machine that an object of the other shard has are out of reach', async () => {
    const stage = await stageFor('rivals');
    await startShard(stage, 'a');
    await startShard(stage, 'b');
    await create(stage, 'first', 'a', { providerName: 'wanted' });
    const first = await stage.untilReady('first', 'True/Available');
    await create(stage, 'second', 'b', { providerName: 'wanted' });
    await stage.untilReady('second', 'False/NameConflict');
    await create(stage, 'third', 'b', { adoption: { policy: 'MustExist', id: first.status?.id } });
    await stage.cluster.until('third is refused', async () => {
      const ready = (await stage.object('third'))?.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status === 'False' && ready.message.includes('first');
    });
    expect(stage.emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
  });
});
