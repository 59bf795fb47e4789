import { describe, expect, it, vi } from 'vitest';
import { healthsOf, kstatusesOf } from '../../../hack/gitops/tools.ts';
import { personAt } from './user.ts';
import { type Stage, useStages } from './fixture.ts';

const stageFor = useStages('kstatus');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

/** By the library kstatus and, behind it, by Argo CD; of an object that is being deleted the latter asks no script. */
async function statusOf(stage: Stage, name: string): Promise<string> {
  const object = await stage.object(name);
  if (object === undefined) throw new Error(`${name} is gone`);
  const [[kstatus], [health]] = await Promise.all([kstatusesOf([object]), healthsOf([object])]);
  return object.metadata.deletionTimestamp === undefined ? `${kstatus} ${health?.status}` : `${kstatus}`;
}

describe('what waits for an object', () => {
  it('takes it for what it is: untouched, failed, done, going', async () => {
    const stage = await stageFor('states');
    const person = personAt(stage);
    await stage.create('typo', { package: { name: 'Budgett' } });
    await stage.create('halted', { powerState: 'Halted' });
    expect(await statusOf(stage, 'typo')).toBe('InProgress Progressing');
    expect(await statusOf(stage, 'halted')).toBe('InProgress Progressing');

    await stage.operator();
    await stage.untilReady('typo', 'False/UnknownCatalogName');
    expect(await statusOf(stage, 'typo')).toBe('Failed Degraded');
    await stage.untilReady('halted', 'True/Available');
    expect(await statusOf(stage, 'halted')).toBe('Current Healthy');
    expect((await stage.object('halted'))?.status?.state).toBe('Halted');

    await person.annotate('halted', { paused: 'true' });
    await person.untilCondition('halted', 'Paused', 'True/Paused');
    expect(await statusOf(stage, 'halted')).toBe('Current Suspended');
    await person.change('halted', { powerState: 'Running' });
    await person.untilCondition('halted', 'Ready', 'Unknown/Paused');
    expect(await statusOf(stage, 'halted')).toBe('InProgress Suspended');
    await stage.cluster.delete(stage.namespace, 'halted');
    expect(await statusOf(stage, 'halted')).toBe('Terminating');
  });

  it('is answered by kubectl wait: for Ready, a state, a restart, the end', async () => {
    const stage = await stageFor('kubectl-wait');
    const { kubectl } = personAt(stage);
    const waitFor = (what: string) => kubectl('wait', `--for=${what}`, 'vps/web', '--timeout=60s');
    const patch = (spec: object) => kubectl('patch', 'vps', 'web', '--type', 'merge', '-p', JSON.stringify({ spec }));
    await stage.operator();
    await stage.create('web');
    expect(await waitFor('condition=Ready')).toContain('condition met');
    await patch({ restartRequest: 'monday' });
    expect(await waitFor('jsonpath={.status.lastRestartRequest}=monday')).toContain('condition met');
    await waitFor('condition=Ready');
    await patch({ powerState: 'Halted' });
    expect(await waitFor('jsonpath={.status.state}=Halted')).toContain('condition met');
    await kubectl('delete', 'vps', 'web', '--wait=false');
    await waitFor('delete');
    expect(await stage.object('web')).toBeUndefined();
    expect(stage.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'RestartMachine',
      'StopMachine',
      'DeleteMachine',
    ]);
  });
});
