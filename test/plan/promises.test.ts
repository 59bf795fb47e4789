import { expect, test } from 'vitest';
import { mayCreate } from '../../src/plan/external-deletion.ts';
import { plan } from '../../src/plan/plan.ts';
import type { OperationStatus } from '../../src/api/v1alpha1/types.ts';
import { toSeconds } from '../../src/domain/clock.ts';
import { failure, now, type ObservedOptions, observedWith, secondsAgo } from './fixtures.ts';

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

const command = (words: string): string => `kubectl -n default ${words}`;
const patch = (spec: object): string => command(`patch vps web --type merge -p '${JSON.stringify({ spec })}'`);
const resume = command('annotate vps web vps247.com/paused-');
const paused = { annotations: { 'vps247.com/paused': 'true' } } as const;
const reached = { internal: { lastSyncedPowerState: 'Running' } } as const;
const limited = failure({ class: 'Wait', code: 'RateLimited', status: 429 });

test.each<{ readonly given: ObservedOptions; readonly says: readonly string[] }>([
  { given: paused, says: [`paused by the annotation vps247.com/paused; to continue: ${resume}`] },
  { given: { ...paused, id: 90, machine: 'Halted', deleting: true }, says: [`to continue the deletion: ${resume}`] },
  {
    given: { id: 90, machine: 'Absent', spec: { onExternalDelete: 'Report' } },
    says: [patch({ onExternalDelete: 'Recreate' }), command('delete vps web')],
  },
  {
    given: { id: 90, machine: 'Halted', status: reached, spec: { powerDriftPolicy: 'Report' } },
    says: [`correct it: ${patch({ powerDriftPolicy: 'Correct' })}; to keep it: ${patch({ powerState: 'Halted' })}`],
  },
  { given: { observed: { rateLimitedFor: 5_000 } }, says: [`before ${toSeconds(now + 5_000)}`] },
  {
    given: { id: 90, machine: { kind: 'ReadFailed', failure: limited }, observed: { rateLimitedFor: 5_000 } },
    says: [`before ${toSeconds(now + 5_000)}`],
  },
])('a message says what to do about it, or when it ends: $says', ({ given, says }) => {
  const { message } = plan(observedWith(given)).statusReason ?? {};
  for (const part of says) expect(message).toContain(part);
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

test('a decision depends on the catalog only where a create is possible, so that it is read for no other object', () => {
  const notRead = { catalog: { kind: 'NotRead' } } as const;
  const depending: string[] = [];
  for (const machine of ['Absent', 'Halted', { kind: 'NotYetSeen' }] as const)
    for (const record of [{}, { id: 90 }])
      for (const onExternalDelete of ['Report', 'Recreate'] as const)
        for (const deleting of [false, true])
          for (const managementPolicy of ['Manage', 'Observe'] as const) {
            const given = { ...record, machine, deleting, spec: { onExternalDelete, managementPolicy } };
            const read = plan(observedWith(given));
            const unread = plan(observedWith({ ...given, observed: notRead }));
            if (JSON.stringify(read) === JSON.stringify(unread)) continue;
            const { object, identity, machine: observed } = observedWith(given);
            expect(mayCreate(object, identity, observed), JSON.stringify(given)).toBe(true);
            depending.push(`${identity.kind}, ${onExternalDelete}`);
          }
  expect(new Set(depending)).toEqual(new Set(['None, Report', 'None, Recreate', 'Known, Recreate']));
});
