import { describe, expect, test } from 'vitest';
import type { Operation } from '../../src/domain/failure.ts';
import { life, liveThrough, patience, type Step, stepOf } from './life.ts';
import { createFaultyWorld, hour, minute } from './world.ts';

/** The calls of a life, and the step that makes each. */
const calls: readonly { readonly operation: Operation; readonly step: Step }[] = [
  ...life.map((step) => ({ operation: step.write, step })),
  { operation: 'ListRegions', step: stepOf('CreateMachine') },
  { operation: 'ListPackages', step: stepOf('CreateMachine') },
  { operation: 'ListOsTemplates', step: stepOf('CreateMachine') },
  { operation: 'ListMachines', step: stepOf('StopMachine') },
  { operation: 'GetMachine', step: stepOf('DeleteMachine') },
];

/** `wait`: how long the account is paused afterwards, milliseconds; jitter adds up to a tenth. */
const answers: readonly {
  readonly says: string;
  readonly retryAfter?: (now: number) => string;
  readonly wait: number;
}[] = [
  { says: 'seconds', retryAfter: () => '20', wait: 20_000 },
  { says: 'a date', retryAfter: (now) => new Date(now + 20_000).toUTCString(), wait: 19_000 },
  { says: 'a date that has passed', retryAfter: (now) => new Date(now - hour).toUTCString(), wait: 1_000 },
  { says: 'no seconds at all', retryAfter: () => '0', wait: 1_000 },
  { says: 'nonsense', retryAfter: () => 'soon', wait: 5_000 },
  { says: 'a negative number', retryAfter: () => '-5', wait: 5_000 },
  { says: 'a day', retryAfter: () => '86400', wait: 5 * minute },
  { says: 'nothing', wait: 5_000 },
];

const rows = calls
  .flatMap(({ operation, step }) => answers.map((answer) => ({ operation, step, answer, says: answer.says })))
  .filter(({ operation, says }) => !(operation === 'KillMachine' && says === 'a day'));

describe('a 429 whose Retry-After says', () => {
  test.each(rows)(
    '$says, to $operation: the account is paused for the requested time, and resumes after it',
    async ({ operation, step, answer: { retryAfter, wait } }) => {
      const world = await createFaultyWorld();
      const begin = (): void => {
        // A date is put into the answer as it stands: right to the second if the call comes soon.
        const header = retryAfter === undefined ? {} : { retryAfter: retryAfter(world.clock.now()) };
        world.emulator.addFault({ operation, when: 'before', action: { kind: 'rate-limit', ...header } });
      };
      await liveThrough(world, { begin, lasts: patience }, step, ({ reasons, seq }) => {
        expect(reasons).toContain('RateLimited');
        const since = world.emulator.ledger.calls.filter((call) => call.seq > seq);
        const struck = since.find(({ fault }) => fault !== undefined);
        // Calls that were sent together with it are in flight already.
        const next = since.find(({ at }) => at > (struck?.at ?? 0) + 10);
        const stayedAway = (next?.at ?? 0) - (struck?.at ?? 0);
        expect(stayedAway).toBeGreaterThanOrEqual(wait);
        expect(stayedAway).toBeLessThanOrEqual(wait * 1.1 + 2 * minute);
        expect(world.writes(seq).filter((call) => call.operation === step.write)).toHaveLength(
          operation === step.write ? 2 : 1,
        );
      });
    },
  );
});

/** Whether a VM matches a spec that changed is not known before the change is carried out. */
const ready: Readonly<Record<string, string>> = {
  create: 'False',
  halt: 'Unknown',
  start: 'Unknown',
  restart: 'Unknown',
  'cut off': 'Unknown',
  delete: 'True',
};

test.each(life)(
  'an hour of 429 only, at "$name": reported, Ready does not report the new spec, and completed after it',
  async (step) => {
    const world = await createFaultyWorld();
    const begin = (): void => {
      world.emulator.addFault({ when: 'before', action: { kind: 'rate-limit', retryAfter: '20' }, times: 'always' });
    };
    await liveThrough(world, { begin, lasts: hour }, step, ({ reasons, seq }) => {
      expect(reasons.at(-1)).toBe('RateLimited');
      expect(world.condition('web', 'Ready')?.status).toBe(ready[step.name]);
      // One call is sent after each pause of twenty seconds, and starts the next pause.
      expect(world.emulator.ledger.calls.filter((call) => call.seq > seq).length).toBeLessThanOrEqual(hour / 20_000);
    });
  },
);

test('a Retry-After date of a provider whose clock is an hour off is understood', async () => {
  for (const offset of [-hour, hour]) {
    const world = await createFaultyWorld({ clockOffset: offset });
    const until = new Date(world.clock.now() + offset + 60_000).toUTCString();
    const step = stepOf('CreateMachine');
    world.emulator.addFault({
      operation: 'CreateMachine',
      when: 'before',
      action: { kind: 'rate-limit', retryAfter: until },
    });
    step.ask(world);
    await world.clock.advance(patience);
    const { calls: all } = world.emulator.ledger;
    const struck = all.findIndex(({ fault }) => fault !== undefined);
    const stayedAway = (all[struck + 1]?.at ?? 0) - (all[struck]?.at ?? 0);
    expect(stayedAway).toBeGreaterThanOrEqual(58_000);
    expect(stayedAway).toBeLessThanOrEqual(70_000);
  }
});
