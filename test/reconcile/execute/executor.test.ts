import { expect, it } from 'vitest';
import { succeeded } from '../../../src/domain/failure.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { plan } from '../../../src/plan/plan.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { createExecutor, type ExecutorDeps } from '../../../src/reconcile/executor.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import type { Preparation } from '../../../src/reconcile/prepare.ts';
import { observedWith, uid } from '../../plan/fixtures.ts';
import { createManualClock } from '../../support/clock.ts';

it.each([
  { what: 'sent', refusedFor: 0, events: ['Stopping'] },
  { what: 'sent again after the provider refused it', refusedFor: 5_000, events: [] },
])('a power cut that is $what is recorded first, with events $events', async ({ refusedFor, events }) => {
  const spec = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } } as const;
  const observed = observedWith({ id: 90, machine: 'Running', spec, history: { refusedFor } });
  const steps: string[] = [];
  // `as`: what a power cut needs of them.
  const provider = {
    killMachine: () => {
      steps.push('KillMachine');
      return Promise.resolve(succeeded(undefined));
    },
  } as unknown as Provider;
  const deps = { log: silentLog, clock: createManualClock(), ownership: {}, cache: {} } as unknown as ExecutorDeps;
  const guard = () => ({
    snapshot: undefined,
    ownerId: 1,
    keyedHash: (text: string) => text,
    write: async (_write: object, call: (to: Provider) => Promise<never>, beforeCall?: () => Promise<boolean>) =>
      (await beforeCall?.()) === true ? call(provider) : undefined,
  });
  const emitted: string[] = [];
  const execute = createExecutor(deps, { guard } as unknown as Parameters<typeof createExecutor>[1], {
    storeIntent: () => {
      steps.push('record');
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
  expect({ steps, emitted }).toEqual({ steps: ['record', 'KillMachine'], emitted: events });
});
