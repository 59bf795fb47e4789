import { describe, expect, it, vi } from 'vitest';
import type { FaultAction, FaultWhen } from '../../../emulator/fault-rule.ts';
import { documented } from '../../support/documented.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { conditionOf, userAt } from './user.ts';
import { type OperatorFixture, type FixtureOptions, useFixtures } from './fixture.ts';

const stageFor = useFixtures('restart');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

const asked = ({ emulator }: OperatorFixture): number => emulator.ledger.callsByOperation().RestartMachine ?? 0;

/** Restarts that took place, by what the provider's ledger says happened. */
function restarts({ emulator: { ledger } }: OperatorFixture): number {
  const calls = new Set(ledger.calls.filter(({ operation }) => operation === 'RestartMachine').map(({ seq }) => seq));
  return ledger.effects.filter(
    (effect) =>
      effect.kind === 'transition' &&
      effect.to === 'halting' &&
      typeof effect.cause === 'number' &&
      calls.has(effect.cause),
  ).length;
}

/** Until the request is handled and the VM is in sync. */
async function untilHandled(
  fixture: OperatorFixture,
  request: string,
  state: 'Running' | 'Halted' = 'Running',
): Promise<void> {
  await userAt(fixture).until(
    'web',
    `has handled ${request}`,
    (object) =>
      object.status?.lastRestartRequest === request &&
      object.status.state === state &&
      conditionOf(object, 'Ready') === 'True/Available',
  );
}

describe('a restart by request', () => {
  it('is performed by the documented command', async () => {
    const fixture = await stageFor('documented');
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    const command = documented('docs/api.md', 'restart');
    expect(documented('docs/tasks.md', 'restart')).toBe(command.replace('NAME', 'web'));
    const shell = await readerOf(fixture.directory, fixture.namespace);
    expect(await shell(command.replace('NAME', 'web'))).toBe('virtualmachine.vps247.com/web patched\n');
    await untilHandled(fixture, (await fixture.object('web'))?.spec.restartRequest ?? '');
    expect([asked(fixture), restarts(fixture)]).toEqual([1, 1]);
  });

  it('happens once for each new value, and not for the first value of a new object or one set while the VM was halted', async () => {
    const fixture = await stageFor('once');
    const user = userAt(fixture);
    const first = await fixture.operator();
    await fixture.create('web', { restartRequest: 'at creation' });
    await untilHandled(fixture, 'at creation');
    await user.untilListed(2);
    expect(asked(fixture)).toBe(0);

    await user.change('web', { restartRequest: 'monday' });
    await untilHandled(fixture, 'monday');
    expect([asked(fixture), restarts(fixture)]).toEqual([1, 1]);

    // A new process, another change, the same text: none of them asks for a restart.
    await first.kill();
    await fixture.operator();
    await user.change('web', { powerDriftPolicy: 'Report' });
    await user.until('web', 'is seen', ({ metadata, status }) => status?.observedGeneration === metadata.generation);
    await user.untilListed(2);
    expect(asked(fixture)).toBe(1);

    await user.change('web', { powerState: 'Halted' });
    await user.until('web', 'is halted', (object) => object.status?.state === 'Halted');
    await user.change('web', { restartRequest: 'tuesday' });
    await untilHandled(fixture, 'tuesday', 'Halted');
    await user.change('web', { powerState: 'Running' });
    await untilHandled(fixture, 'tuesday');
    await user.untilListed(2);
    expect(asked(fixture)).toBe(1);

    await user.change('web', { restartRequest: 'wednesday' });
    await untilHandled(fixture, 'wednesday');
    expect([asked(fixture), restarts(fixture)]).toEqual([2, 2]);
    const restartEvents = (await user.events('web')).filter((event) => event.includes('Restarting'));
    // Two of the same note within minutes are one event with a count, unless they are of two processes.
    expect(restartEvents).toEqual(['Normal Restarting 1', 'Normal Restarting 1']);
  });

  it.each<{
    because: string;
    when: FaultWhen;
    action: FaultAction;
    isKilled: boolean;
    switches?: FixtureOptions['switches'];
    calls: number;
    effects: number;
  }>([
    {
      because: 'killed between create intent and call',
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
      because: 'killed, and no time of the last action is reported',
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
      const fixture = await stageFor(because.replaceAll(/\W+/g, '-'), { switches });
      const user = userAt(fixture);
      const operator = await fixture.operator();
      await fixture.create('web');
      await fixture.untilReady('web', 'True/Available');
      fixture.emulator.addFault({ operation: 'RestartMachine', when, action, times: 1 });
      await user.change('web', { restartRequest: 'now' });
      await fixture.cluster.until('the call is in flight', async () => asked(fixture) === 1);
      expect((await fixture.object('web'))?.status?.operation).toMatchObject({
        type: 'Restart',
        restartRequest: 'now',
      });
      if (isKilled) {
        await operator.kill();
        await fixture.operator();
      }
      await untilHandled(fixture, 'now');
      await user.untilListed(2);
      expect({ calls: asked(fixture), effects: restarts(fixture) }).toEqual(expected);
      expect(fixture.emulator.ledger.forbiddenTransitions()).toEqual([]);
    },
  );
});
