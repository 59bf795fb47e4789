import { expect, it } from 'vitest';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import { createReporter } from '../../src/reconcile/report.ts';
import { statusFor } from '../../src/status/status.ts';
import { observedWith, uid } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const report = {
  statusReason: { reason: 'Available', message: 'as specified' },
  operation: undefined,
  startFailure: undefined,
  handledRestart: undefined,
  plannedActions: undefined,
} as const;

/** Reports that VM 90 is available, when the cache has this object under the name of the observed one. */
async function reported(current: (object: VirtualMachine) => VirtualMachine | undefined) {
  const observed = observedWith({ id: 90, machine: 'Running' });
  const writes: unknown[] = [];
  const reporter = createReporter({
    client: {
      get: () => Promise.reject(new Error('nothing is read')),
      patch: (_resource, { name }) => {
        writes.push(name);
        return Promise.resolve({ ...observed.object, status: statusFor(observed, report) });
      },
    },
    clock: createManualClock(),
    random: () => 0,
    isApiServerReady: () => true,
    cache: { get: () => current(observed.object), assume: () => {} },
    events: { record: ({ reason }) => void writes.push(reason) },
  });
  await reporter.report(observed, report, new ObjectState(uid, 0), true, (wait) => wait);
  return writes;
}

it.each<[what: string, current: (object: VirtualMachine) => VirtualMachine | undefined]>([
  ['as it was', (object) => object],
  ['unknown to the cache', () => undefined],
])('the status of an object that is %s is written', async (_what, current) => {
  expect(await reported(current)).toEqual(['Available', 'web']);
});

it('the status of a deleted object is not written into the next one of its name', async () => {
  const writes = await reported((object) => ({ ...object, metadata: { ...object.metadata, uid: 'next' } }));
  expect(writes).toEqual([]);
});
