import { describe, expect, it } from 'vitest';
import type { OperatorProcess } from '../../support/operator-process.ts';
import { isLeading, metric } from './candidates.ts';
import { spec, type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('scope');

/** One that acts on `shard=<shard>`, with the Lease of that scope. */
async function startShard(fixture: OperatorFixture, shard: string): Promise<OperatorProcess> {
  const operator = await fixture.operator([`--selector=shard=${shard}`, '--leader-election-namespace=vps247-system']);
  await fixture.cluster.until(`${shard} leads`, () => isLeading(operator));
  return operator;
}

async function create(fixture: OperatorFixture, name: string, shard: string, more: object = {}): Promise<void> {
  const { cluster, namespace } = fixture;
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
  it('are both active, each on its own objects', async () => {
    const fixture = await stageFor('both-act');
    const [a, b] = [await startShard(fixture, 'a'), await startShard(fixture, 'b')];
    const names = Array.from({ length: 6 }, (_, index) => `vm-${index}`);
    for (const [index, name] of names.entries()) await create(fixture, name, index < 4 ? 'a' : 'b');
    await fixture.create('unlabeled');
    for (const name of names) await fixture.untilReady(name, 'True/Available');
    expect(fixture.emulator.ledger.callsByOperation()['CreateMachine']).toBe(6);
    expect([await metric(a, 'machines'), await metric(b, 'machines')]).toEqual([4, 2]);
    expect((await fixture.object('unlabeled'))?.metadata.finalizers ?? []).toEqual([]);
  });

  it('an object whose labels change moves, with its VM', async () => {
    const fixture = await stageFor('moves');
    const [a, b] = [await startShard(fixture, 'a'), await startShard(fixture, 'b')];
    await create(fixture, 'web', 'a');
    const before = await fixture.untilReady('web', 'True/Available');
    await fixture.cluster.patch(fixture.namespace, 'web', {
      metadata: { name: 'web', namespace: fixture.namespace, labels: { shard: 'b' } },
    });
    await fixture.cluster.until('b has it', async () => (await metric(b, 'machines')) === 1);
    expect(await metric(a, 'machines')).toBe(0);
    await a.kill();
    await fixture.cluster.patch(fixture.namespace, 'web', { spec: { powerState: 'Halted' } });
    await fixture.cluster.until('web is halted', async () => (await fixture.object('web'))?.status?.state === 'Halted');
    expect((await fixture.object('web'))?.status?.id).toBe(before.status?.id);
    expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
    ]);
  });

  it('a name and a VM that an object of the other shard has cannot be used', async () => {
    const fixture = await stageFor('conflicting objects');
    await startShard(fixture, 'a');
    await startShard(fixture, 'b');
    await create(fixture, 'first', 'a', { providerName: 'wanted' });
    const first = await fixture.untilReady('first', 'True/Available');
    await create(fixture, 'second', 'b', { providerName: 'wanted' });
    await fixture.untilReady('second', 'False/NameConflict');
    await create(fixture, 'third', 'b', { adoption: { policy: 'MustExist', id: first.status?.id } });
    await fixture.cluster.until('third is refused', async () => {
      const ready = (await fixture.object('third'))?.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status === 'False' && ready.message.includes('first');
    });
    expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
  });
});
