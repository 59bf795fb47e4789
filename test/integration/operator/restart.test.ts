import { describe, expect, it, vi } from 'vitest';
import type { FaultAction, FaultWhen } from '../../../emulator/fault-rule.ts';
import { documented } from '../../support/documented.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { conditionOf, personAt } from './user.ts';
import { type Stage, type StageOptions, useStages } from './fixture.ts';

const stageFor = useStages('restart');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

const asked = ({ emulator }: Stage): number => emulator.ledger.callsByOperation().RestartMachine ?? 0;

/** Restarts that took place, by what the provider's ledger says happened. */
function restarts({ emulator: { ledger } }: Stage): number {
  const calls = new Set(ledger.calls.filter(({ operation }) => operation === 'RestartMachine').map(({ seq }) => seq));
  return ledger.effects.filter(
    (effect) =>
      effect.kind === 'transition' &&
      effect.to === 'halting' &&
      typeof effect.cause === 'number' &&
      calls.has(effect.cause),
  ).length;
}

/** Until the request is handled and the machine is as asked. */
async function untilHandled(stage: Stage, request: string, state: 'Running' | 'Halted' = 'Running'): Promise<void> {
  await personAt(stage).until(
    'web',
    `has handled ${request}`,
    (object) =>
      object.status?.lastRestartRequest === request &&
      object.status.state === state &&
      conditionOf(object, 'Ready') === 'True/Available',
  );
}

describe('a restart by request', () => {
  it('is made by the command that the pages show', async () => {
    const stage = await stageFor('documented');
    await stage.operator();
    await stage.create('web');
    await stage.untilReady('web', 'True/Available');
    const command = documented('docs/api.md', 'restart');
    expect(documented('docs/tasks.md', 'restart')).toBe(command.replace('NAME', 'web'));
    const shell = await readerOf(stage.directory, stage.namespace);
    expect(await shell(command.replace('NAME', 'web'))).toBe('virtualmachine.vps247.com/web patched\n');
    await untilHandled(stage, (await stage.object('web'))?.spec.restartRequest ?? '');
    expect([asked(stage), restarts(stage)]).toEqual([1, 1]);
  });

  it('happens once for each new text, and not for one that was there first or came while the machine was halted', async () => {
    const stage = await stageFor('once');
    const person = personAt(stage);
    const first = await stage.operator();
    await stage.create('web', { restartRequest: 'at creation' });
    await untilHandled(stage, 'at creation');
    await person.untilListed(2);
    expect(asked(stage)).toBe(0);

    await person.change('web', { restartRequest: 'monday' });
    await untilHandled(stage, 'monday');
    expect([asked(stage), restarts(stage)]).toEqual([1, 1]);

    // A new process, another change, the same text: none of them asks for a restart.
    await first.kill();
    await stage.operator();
    await person.change('web', { powerDriftPolicy: 'Report' });
    await person.until('web', 'is seen', ({ metadata, status }) => status?.observedGeneration === metadata.generation);
    await person.untilListed(2);
    expect(asked(stage)).toBe(1);

    await person.change('web', { powerState: 'Halted' });
    await person.until('web', 'is halted', (object) => object.status?.state === 'Halted');
    await person.change('web', { restartRequest: 'tuesday' });
    await untilHandled(stage, 'tuesday', 'Halted');
    await person.change('web', { powerState: 'Running' });
    await untilHandled(stage, 'tuesday');
    await person.untilListed(2);
    expect(asked(stage)).toBe(1);

    await person.change('web', { restartRequest: 'wednesday' });
    await untilHandled(stage, 'wednesday');
    expect([asked(stage), restarts(stage)]).toEqual([2, 2]);
    const told = (await person.events('web')).filter((event) => event.includes('Restarting'));
    // Two of the same note within minutes are one event with a count, unless they are of two processes.
    expect(told).toEqual(['Normal Restarting 1', 'Normal Restarting 1']);
  });

  it.each<{
    because: string;
    when: FaultWhen;
    action: FaultAction;
    isKilled: boolean;
    switches?: StageOptions['switches'];
    calls: number;
    effects: number;
  }>([
    {
      because: 'killed between announcement and call',
      when: 'before',
      action: { kind: 'hang' },
      isKilled: true,
      calls: 2,
      effects: 1,
    },
    {
      because: 'killed between call and answer',
      when: 'after',
      action: { kind: 'hang' },
      isKilled: true,
      calls: 1,
      effects: 1,
    },
    {
      because: 'cut off before the call took effect',
      when: 'before',
      action: { kind: 'reset' },
      isKilled: false,
      calls: 2,
      effects: 1,
    },
    {
      because: 'cut off after the call took effect',
      when: 'after',
      action: { kind: 'reset' },
      isKilled: false,
      calls: 1,
      effects: 1,
    },
    {
      because: 'killed, and no time of the last action is told',
      when: 'before',
      action: { kind: 'hang' },
      isKilled: true,
      // Better none than two.
      switches: { optionalFields: 'missing' },
      calls: 1,
      effects: 0,
    },
  ])(
    '$because: $effects restart, $calls calls',
    async ({ because, when, action, isKilled, switches = {}, ...expected }) => {
      const stage = await stageFor(because.replaceAll(/\W+/g, '-'), { switches });
      const person = personAt(stage);
      const operator = await stage.operator();
      await stage.create('web');
      await stage.untilReady('web', 'True/Available');
      stage.emulator.addFault({ operation: 'RestartMachine', when, action, times: 1 });
      await person.change('web', { restartRequest: 'now' });
      await stage.cluster.until('the call is under way', async () => asked(stage) === 1);
      expect((await stage.object('web'))?.status?.operation).toMatchObject({ type: 'Restart', restartRequest: 'now' });
      if (isKilled) {
        await operator.kill();
        await stage.operator();
      }
      await untilHandled(stage, 'now');
      await person.untilListed(2);
      expect({ calls: asked(stage), effects: restarts(stage) }).toEqual(expected);
      expect(stage.emulator.ledger.forbiddenTransitions()).toEqual([]);
    },
  );
});
