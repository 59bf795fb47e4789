import { describe, expect, it, vi } from 'vitest';
import { healthsOf, kstatusesOf } from '../../../hack/gitops/tools.ts';
import { userAt } from './user.ts';
import { type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('kstatus');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

/** By the library kstatus and, behind it, by Argo CD; of an object that is being deleted the latter asks no script. */
async function statusOf(fixture: OperatorFixture, name: string): Promise<string> {
  const object = await fixture.object(name);
  if (object === undefined) throw new Error(`${name} is gone`);
  const [[kstatus], [health]] = await Promise.all([kstatusesOf([object]), healthsOf([object])]);
  return object.metadata.deletionTimestamp === undefined ? `${kstatus} ${health?.status}` : `${kstatus}`;
}

describe('the status of an object', () => {
  it('is rated correctly: not reconciled, failed, complete, being deleted', async () => {
    const fixture = await stageFor('states');
    const user = userAt(fixture);
    await fixture.create('typo', { package: { name: 'Budgett' } });
    await fixture.create('halted', { powerState: 'Halted' });
    expect(await statusOf(fixture, 'typo')).toBe('InProgress Progressing');
    expect(await statusOf(fixture, 'halted')).toBe('InProgress Progressing');

    await fixture.operator();
    await fixture.untilReady('typo', 'False/UnknownCatalogName');
    expect(await statusOf(fixture, 'typo')).toBe('Failed Degraded');
    await fixture.untilReady('halted', 'True/Available');
    expect(await statusOf(fixture, 'halted')).toBe('Current Healthy');
    expect((await fixture.object('halted'))?.status?.state).toBe('Halted');

    await user.annotate('halted', { paused: 'true' });
    await user.untilCondition('halted', 'Paused', 'True/Paused');
    expect(await statusOf(fixture, 'halted')).toBe('Current Suspended');
    await user.change('halted', { powerState: 'Running' });
    await user.untilCondition('halted', 'Ready', 'Unknown/Paused');
    expect(await statusOf(fixture, 'halted')).toBe('InProgress Suspended');
    await fixture.cluster.delete(fixture.namespace, 'halted');
    expect(await statusOf(fixture, 'halted')).toBe('Terminating');
  });

  it('serves kubectl wait: for Ready, a state, a restart, the deletion', async () => {
    const fixture = await stageFor('kubectl-wait');
    const { kubectl } = userAt(fixture);
    const waitFor = (what: string) => kubectl('wait', `--for=${what}`, 'vps/web', '--timeout=60s');
    const patch = (spec: object) => kubectl('patch', 'vps', 'web', '--type', 'merge', '-p', JSON.stringify({ spec }));
    await fixture.operator();
    await fixture.create('web');
    expect(await waitFor('condition=Ready')).toContain('condition met');
    await patch({ restartRequest: 'monday' });
    expect(await waitFor('jsonpath={.status.lastRestartRequest}=monday')).toContain('condition met');
    await waitFor('condition=Ready');
    await patch({ powerState: 'Halted' });
    expect(await waitFor('jsonpath={.status.state}=Halted')).toContain('condition met');
    await kubectl('delete', 'vps', 'web', '--wait=false');
    await waitFor('delete');
    expect(await fixture.object('web')).toBeUndefined();
    expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'RestartMachine',
      'StopMachine',
      'DeleteMachine',
    ]);
  });
});
