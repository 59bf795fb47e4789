import { describe, expect, test } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { FaultAction, FaultWhen } from '../../emulator/fault-rule.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { expectDone, life, liveThrough, patience, type Step, stepOf } from './life.ts';
import { createFaultyWorld } from './world.ts';

/**
 * What becomes of an answer, and what the client makes of it: `Lost` says nothing, `Unreadable` is a 2xx that says no more
 * than that, `LoginPage` looks like a key that is not accepted.
 */
interface Loss {
  readonly what: string;
  readonly action: FaultAction;
  readonly meaning: 'Lost' | 'Unreadable' | 'LoginPage';
}

const losses: readonly Loss[] = [
  { what: 'never comes', action: { kind: 'hang' }, meaning: 'Lost' },
  { what: 'is a reset', action: { kind: 'reset' }, meaning: 'Lost' },
  { what: 'is a 500', action: { kind: 'status', status: 500 }, meaning: 'Lost' },
  { what: 'is a 502 page', action: { kind: 'html', status: 502 }, meaning: 'Lost' },
  { what: 'is a 408', action: { kind: 'status', status: 408 }, meaning: 'Lost' },
  {
    what: 'is a 503 that asks for patience',
    action: { kind: 'rate-limit', status: 503, retryAfter: '7' },
    meaning: 'Lost',
  },
  { what: 'is garbage', action: { kind: 'garbage' }, meaning: 'Unreadable' },
  { what: 'is cut off', action: { kind: 'truncate' }, meaning: 'Unreadable' },
  { what: 'is empty', action: { kind: 'status', status: 204 }, meaning: 'Unreadable' },
  { what: 'is 3 MB of nothing', action: { kind: 'oversize' }, meaning: 'Unreadable' },
  {
    what: 'reports a failure',
    action: { kind: 'status', status: 200, body: { status: 'error' } },
    meaning: 'Unreadable',
  },
  { what: 'is a login page', action: { kind: 'html' }, meaning: 'LoginPage' },
  { what: 'leads to a login page', action: { kind: 'redirect', to: 'https://login.example/' }, meaning: 'LoginPage' },
];

function reasonFor({ write, progress }: Step, { action, meaning }: Loss, when: FaultWhen): Reason {
  if (meaning === 'LoginPage') return 'CredentialsRejected';
  if (write === 'CreateMachine') return 'CreateOutcomeUnknown';
  // The 204 of a delete has no body to cut off: all of it is lost.
  const isLost = meaning === 'Lost' || (write === 'DeleteMachine' && action.kind === 'truncate' && when === 'after');
  return isLost ? 'ProviderUnavailable' : progress;
}

function callsFor({ write }: Step, { meaning }: Loss): readonly Operation[] {
  if (meaning === 'Unreadable') {
    // What is taken for done: a shutdown signal has its time, then the power is cut; a restart may have been too quick to be seen.
    if (write === 'StopMachine') return ['StopMachine', 'KillMachine'];
    if (write === 'RestartMachine') return ['RestartMachine'];
  }
  return [write, write];
}

const rows = life.flatMap((step) => losses.map((loss) => ({ step, loss, write: step.write, what: loss.what })));

function isSwallowedCut(step: Step, { meaning }: Loss): boolean {
  return step.write === 'KillMachine' && meaning === 'LoginPage';
}

async function lose(step: Step, { action }: Loss, when: FaultWhen) {
  const world = await createFaultyWorld();
  let said: readonly string[] = [];
  let calls: readonly Operation[] = [];
  const begin = (): void => void world.emulator.addFault({ operation: step.write, when, action });
  await liveThrough(world, { begin, lasts: patience }, step, ({ reasons, seq }) => {
    said = reasons;
    // Every call that changes something is an operation of the provider's contract.
    calls = world.writes(seq).map(({ operation }) => operation as Operation);
  });
  return { said, calls };
}

describe('the answer to a call that took effect', () => {
  test.each(rows)('$write: $what; the call is not repeated', async ({ step, loss }) => {
    const { said, calls } = await lose(step, loss, 'after');
    expect(said).toContain(reasonFor(step, loss, 'after'));
    expect(calls).toEqual([step.write]);
  });
});

describe('the answer to a call that took no effect', () => {
  test.each(rows.filter(({ step, loss }) => !isSwallowedCut(step, loss)))(
    '$write: $what; no more calls than needed',
    async ({ step, loss }) => {
      const { said, calls } = await lose(step, loss, 'instead');
      expect(said).toContain(reasonFor(step, loss, 'instead'));
      expect(calls).toEqual(callsFor(step, loss));
    },
  );

  test.each(rows.filter(({ step, loss }) => isSwallowedCut(step, loss)))(
    '$write: $what; the VM is halted in the end',
    async ({ step, loss }) => {
      const { said } = await lose(step, loss, 'instead');
      expect(said).toContain('CredentialsRejected');
    },
  );
});

test.each(life)('$write: takes effect after its caller stopped waiting', async (step) => {
  const late: Loss = { what: 'comes late', action: { kind: 'delay', ms: 34_000 }, meaning: 'Lost' };
  const { said, calls } = await lose(step, late, 'before');
  expect(said).toContain(reasonFor(step, late, 'before'));
  // A call with costs is not repeated while it may still take effect; a second power call or delete does no harm.
  expect(calls.length).toBeLessThanOrEqual(step.write === 'CreateMachine' ? 1 : 2);
});

test.each(losses)('a create whose answer $what, and a kill -9 every five seconds: one VM', async ({ action }) => {
  for (const when of ['after', 'instead'] as const) {
    const world = await createFaultyWorld();
    world.emulator.addFault({ operation: 'CreateMachine', when, action });
    world.apply('web');
    for (let restarts = 0; restarts < 18; restarts += 1) {
      await world.clock.advance(5_000);
      await world.restart();
    }
    await world.clock.advance(patience);
    expectDone(world, stepOf('CreateMachine'));
    world.judge();
  }
});
