import { expect, it } from 'vitest';
import { succeeded } from '../../../src/domain/failure.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { plan } from '../../../src/plan/plan.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { createExecutor, type ExecutorDeps } from '../../../src/reconcile/executor.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import type { Preparation } from '../../../src/reconcile/prepare.ts';
import { type ObservedOptions, observedWith, secondsAgo, uid } from '../../plan/fixtures.ts';
import { createManualClock } from '../../support/clock.ts';

/** Executes the decision for an observation: the calls and records in order, and the events. */
async function executed(given: ObservedOptions) {
  const observed = observedWith(given);
  const steps: string[] = [];
  const answer = (step: string) => () => {
    steps.push(step);
    return Promise.resolve(succeeded(undefined));
  };
  // `as`: what these calls need of them.
  const provider = {
    startMachine: answer('StartMachine'),
    stopMachine: answer('StopMachine'),
    restartMachine: answer('RestartMachine'),
    killMachine: answer('KillMachine'),
    deleteMachine: answer('DeleteMachine'),
  } as unknown as Provider;
  const deletionRate = { take: () => true, wait: () => steps.push('wait') };
  const deps = {
    log: silentLog,
    clock: createManualClock(),
    ownership: {},
    cache: {},
    deletionRate,
  } as unknown as ExecutorDeps;
  const guard = () => ({
    snapshot: undefined,
    ownerId: 1,
    keyedHash: (text: string) => text,
    write: async (_write: object, call: (to: Provider) => Promise<never>, beforeCall?: () => Promise<boolean>) =>
      beforeCall === undefined || (await beforeCall()) ? call(provider) : undefined,
  });
  const emitted: string[] = [];
  const execute = createExecutor(deps, guard as unknown as Parameters<typeof createExecutor>[1], {
    storeIntent: (_object, action) => {
      steps.push(`record ${action}`);
      return Promise.resolve();
    },
    event: (_object, reason) => void emitted.push(reason),
  });
  const account = { setFastPolling: () => {} };
  await execute(
    { account } as unknown as Preparation,
    observed,
    plan(observed),
    new ObjectState(uid, 0),
    (wait) => wait,
  );
  return { steps, emitted };
}

const halted = { id: 90, machine: 'Running', spec: { powerState: 'Halted' } } as const;
const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } } as const;
const deleting = { id: 90, machine: 'Halted', deleting: true } as const;
const deletionOnRecord = {
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'Deleting',
      message: '',
      lastTransitionTime: secondsAgo(5),
      observedGeneration: 1,
    },
  ],
} as const;

it.each<{
  readonly what: string;
  readonly given: ObservedOptions;
  readonly steps: readonly string[];
  readonly events: readonly string[];
}>([
  { what: 'a start', given: { id: 90, machine: 'Halted' }, steps: ['StartMachine'], events: [] },
  { what: 'a shutdown', given: halted, steps: ['StopMachine'], events: [] },
  {
    what: 'a restart',
    given: { id: 90, machine: 'Running', spec: { restartRequest: 'two' }, status: { lastRestartRequest: 'one' } },
    steps: ['record Restart', 'RestartMachine'],
    events: ['Restarting'],
  },
  {
    what: 'a power cut',
    given: { ...halted, spec: hard },
    steps: ['record Kill', 'KillMachine'],
    events: ['Stopping'],
  },
  {
    what: 'a power cut that is sent again after the provider refused it',
    given: { ...halted, spec: hard, history: { refusedFor: 5_000 } },
    steps: ['record Kill', 'KillMachine'],
    events: [],
  },
  { what: 'a delete', given: deleting, steps: ['record Delete', 'DeleteMachine'], events: ['Deleting'] },
  {
    what: 'a delete that is on record',
    given: { ...deleting, status: deletionOnRecord },
    steps: ['DeleteMachine'],
    events: [],
  },
])('what may lose data is recorded first, with one event: $what', async ({ given, steps, events }) => {
  expect(await executed(given)).toEqual({ steps, emitted: events });
});
