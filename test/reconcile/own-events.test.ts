import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { WorkQueue } from '../../src/controller/work-queue.ts';
import { assertProperty } from '../support/property.ts';
import { createWorld, type World } from './world/world.ts';

afterEach(() => void vi.restoreAllMocks());

/** One thing that happens to the object or its VM, how long a watch event takes from then on, and how long it is until the next. */
interface Step {
  readonly act: keyof typeof acts;
  readonly eventDelay: number;
  readonly wait: number;
}

let requests = 0;

const acts = {
  stop: ({ cluster }: World) => cluster.change('web', { spec: { powerState: 'Halted' } }),
  start: ({ cluster }: World) => cluster.change('web', { spec: { powerState: 'Running' } }),
  restart: ({ cluster }: World) => cluster.change('web', { spec: { restartRequest: `${(requests += 1)}` } }),
  request: ({ cluster }: World) =>
    cluster.change('web', { metadata: { annotations: { [annotations.reconcileRequestedAt]: `${(requests += 1)}` } } }),
  pause: ({ cluster }: World) => cluster.change('web', { metadata: { annotations: { [annotations.paused]: 'true' } } }),
  resume: ({ cluster }: World) => cluster.change('web', { metadata: { annotations: { [annotations.paused]: null } } }),
  editStatus: ({ cluster }: World) => cluster.change('web', { status: { state: 'Unknown', operation: null } }),
  removeHint: ({ cluster }: World) =>
    cluster.change('web', { metadata: { annotations: { [annotations.machine]: null } } }),
  loseAnswer: ({ cluster }: World) =>
    void cluster.failures.push({ write: 'status web', reason: 'Timeout', isStored: true }),
  halt: ({ fakeProvider }: World) => {
    for (const { id } of fakeProvider.machines.values()) fakeProvider.set(id, { state: 'Halted' });
  },
} as const;

const minute = 60_000;
const reads: ReadonlySet<string> = new Set([
  'ListMachines',
  'GetMachine',
  'ListRegions',
  'ListPackages',
  'ListOsTemplates',
]);

/** What an operator comes to that enqueues objects for its writes too, or not. */
async function outcomeOf(steps: readonly Step[], isEachEnqueued: boolean) {
  if (isEachEnqueued) vi.spyOn(WorkQueue.prototype, 'discard').mockImplementation(() => {});
  requests = 0;
  const world = await createWorld({}, { withoutBystanders: 'it compares two operators' });
  world.apply('web');
  await world.clock.advance(minute);
  for (const { act, eventDelay, wait } of steps) {
    world.cluster.eventDelay = eventDelay;
    acts[act](world);
    await world.clock.advance(wait);
  }
  acts.resume(world);
  await world.clock.advance(20 * minute);
  await world.stop();
  vi.restoreAllMocks();
  const { conditions = [], ...status } = world.cluster.machine('web')?.status ?? {};
  return {
    calls: world.fakeProvider.calls.filter(({ operation }) => !reads.has(operation)),
    status,
    reasons: conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
    machines: [...world.fakeProvider.machines.values()].map(({ state }) => state),
  };
}

type Outcome = Awaited<ReturnType<typeof outcomeOf>>;

function withoutTimes({ calls, ...outcome }: Outcome): string {
  const timeless = { ...outcome, calls: calls.map(({ operation }) => operation) };
  return JSON.stringify(timeless).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time');
}

const step: fc.Arbitrary<Step> = fc.record({
  // `as`: `Object.keys` loses the type of the keys.
  act: fc.constantFrom(...(Object.keys(acts) as (keyof typeof acts)[])),
  eventDelay: fc.constantFrom(0, 5, 300),
  wait: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000 }), fc.constant(minute)),
});

test('an operator that enqueues nothing for its own writes makes the same calls at the same times and ends with the same status', async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const [expected, actual] = [await outcomeOf(steps, true), await outcomeOf(steps, false)];
      // A VM that is changed at the provider is noticed by the next idle poll, and the times of these polls differ.
      const isComparedInTime = steps.every(({ act }) => act !== 'halt');
      expect(isComparedInTime ? actual : withoutTimes(actual)).toEqual(
        isComparedInTime ? expected : withoutTimes(expected),
      );
    }),
    { runs: 120, failedOnce: [-1_402_988_776] },
  );
});
