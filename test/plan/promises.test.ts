import { expect, test } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import type { OperationStatus } from '../../src/api/v1alpha1/types.ts';
import { type ObservedOptions, observedWith, secondsAgo } from './fixtures.ts';

/** Words that claim another call or another look. */
const claims = /again|retr|backoff|nevertheless/;
/** The next call follows the present one by itself, when the VM changes. */
const followsOnItsOwn = /halting; it is started again after that|cut; it is started again after that/;

const states = ['Pending', 'Starting', 'Running', 'Halting', 'Halted', 'Unknown'] as const;
const operations: readonly (OperationStatus['type'] | undefined)[] = [undefined, 'Start', 'Stop', 'Restart', 'Kill'];
const times = [0, 30, 700, 100_000];

function* observations(): Generator<ObservedOptions> {
  for (const machine of states)
    for (const type of operations)
      for (const seconds of times)
        for (const attempts of [0, 1, 7])
          for (const mode of ['TrySoft', 'Soft', 'Hard'] as const)
            for (const powerState of ['Running', 'Halted'] as const)
              for (const deleting of [false, true])
                for (const refusedFor of [0, 700_000])
                  yield {
                    id: 90,
                    machine,
                    deleting,
                    spec: { powerState, powerOff: { mode, gracePeriodSeconds: 300 } },
                    ...(type === undefined
                      ? {}
                      : { status: { operation: { type, startTime: secondsAgo(seconds), attempts } } }),
                    history: { stateFor: seconds * 1000, refusedFor },
                  };
}

test('a message that promises another call or check is true: a call is sent, or the object is requeued', () => {
  const lies = new Set<string>();
  let seen = 0;
  for (const given of observations()) {
    const { statusReason, action, after } = plan(observedWith(given));
    const message = statusReason?.message ?? '';
    if (!claims.test(message) || followsOnItsOwn.test(message)) continue;
    seen += 1;
    if (action.type === 'None' && after === undefined) lies.add(`${message}: ${JSON.stringify(given)}`);
  }
  expect([...lies]).toEqual([]);
  expect(seen).toBeGreaterThan(500);
});

test('an object that is being deleted always has a call, or a requeue time', () => {
  const stuck: string[] = [];
  for (const given of observations()) {
    if (given.deleting !== true || given.machine === 'Running') continue;
    const { action, after } = plan(observedWith(given));
    if (action.type === 'None' && after === undefined) stuck.push(JSON.stringify(given));
  }
  expect(stuck).toEqual([]);
});
