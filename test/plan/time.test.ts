import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { OperationStatus, VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { isTaskBusy } from '../../src/domain/machine.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Decision } from '../../src/plan/action.ts';
import type { Observed } from '../../src/plan/observed.ts';
import { machineIn, now, type ObservedOptions, observedWith, secondsAgo } from './fixtures.ts';

/** The same observation later, if nothing happens but that time passes. */
function later(o: Observed, milliseconds: number): Observed {
  const { history } = o;
  const more = (duration: number): number => (duration > 0 ? duration + milliseconds : 0);
  return {
    ...o,
    now: o.now + milliseconds,
    rateLimitedFor: Math.max(0, o.rateLimitedFor - milliseconds),
    deletesHeldFor: Math.max(0, o.deletesHeldFor - milliseconds),
    history: {
      ...history,
      knownFor: history.knownFor + milliseconds,
      stateFor: history.stateFor + milliseconds,
      taskBusyFor: more(history.taskBusyFor),
      refusedFor: more(history.refusedFor),
      ...(history.lastUpAt === undefined || stateOf(o) !== 'Running' ? {} : { lastUpAt: o.now + milliseconds }),
    },
  };
}

const failed: VirtualMachineStatus['startFailure'] = {
  count: 2,
  lastTime: secondsAgo(20),
  retryTime: new Date(now + 20_000).toISOString(),
};
const ready = (seconds: number): Partial<VirtualMachineStatus> => ({
  state: 'Running',
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Available',
      message: '',
      lastTransitionTime: secondsAgo(seconds),
      observedGeneration: 1,
    },
  ],
});
const progress: readonly Partial<OperationStatus>[] = [
  { attempts: 1, lastResult: 'Accepted' },
  { attempts: 0, lastResult: 'Busy' },
  { attempts: 1 },
  { attempts: 3, lastResult: 'Accepted' },
];

function* operations(): Generator<OperationStatus | undefined> {
  yield undefined;
  for (const type of ['Start', 'Stop', 'Restart', 'Kill'] as const)
    for (const seconds of [0, 31, 700])
      for (const rest of progress) yield { type, startTime: secondsAgo(seconds), ...rest };
}

function* observations(): Generator<ObservedOptions> {
  const states = ['Pending', 'Starting', 'Running', 'Halting', 'Halted', 'Unknown'] as const;
  for (const state of states)
    for (const operation of operations())
      for (const mode of ['TrySoft', 'Soft', 'Hard'] as const)
        for (const powerState of ['Running', 'Halted'] as const)
          for (const more of [
            {},
            { status: { startFailure: failed, ...ready(1) }, history: { lastUpAt: now } },
            { status: { startFailure: failed, ...ready(61) }, history: { lastUpAt: now } },
            { history: { stateFor: 650_000, taskBusyFor: 1_000 }, isBusy: true },
            { history: { stateFor: 20_000, refusedFor: 1 } },
          ] as readonly (ObservedOptions & { readonly isBusy?: boolean })[])
            for (const deleting of [false, true])
              yield {
                id: 90,
                machine: machineIn(state, {
                  updatedAt: secondsAgo(900),
                  ...(more.isBusy === true ? { lastTask: { name: 'VmStart', status: 'running' } } : {}),
                }),
                deleting,
                spec: { powerState, powerOff: { mode, gracePeriodSeconds: 300 } },
                ...more,
                status: { ...more.status, ...(operation === undefined ? {} : { operation }) },
              };
}

/** What a user sees of a decision, and how often the account is listed. */
function shown(o: Observed): string {
  const { action, statusReason, operation, startFailure, fastPolling } = plan(o);
  return [action.type, statusReason?.reason, operation?.type, startFailure?.count, fastPolling].join();
}

/** Every observation with its decision: once, because each test looks at all of them. */
const cases = [...observations()].map((given) => {
  const o = observedWith(given);
  return { given, o, decision: plan(o) };
});

/** The cases that a predicate refutes, at most a few of them. */
function refuted(predicate: (o: Observed, decision: Decision) => boolean): readonly string[] {
  return cases
    .filter(({ o, decision }) => !predicate(o, decision))
    .slice(0, 5)
    .map(({ given, o, decision }) => `${shown(o)}, after ${decision.after}: ${JSON.stringify(given)}`);
}

const isBusy = ({ machine }: Observed): boolean => machine.kind === 'Present' && isTaskBusy(machine.machine.lastTask);
const stateOf = ({ machine }: Observed): string => (machine.kind === 'Present' ? machine.machine.state : machine.kind);

describe('an object whose VM does not change', () => {
  it('is requeued before the decision changes by time alone', () => {
    const changesUnnoticed = refuted((o, { action, after = Infinity }) => {
      const present = shown(o);
      const times = [1, 300_000, 24 * 3_600_000, after - 1].filter((time) => time < after);
      return action.type !== 'None' || times.every((time) => shown(later(o, time)) === present);
    });
    expect(changesUnnoticed).toEqual([]);
  });

  it('is requeued for a change of the decision only, unless the provider is busy with the VM', () => {
    const requeuedForNothing = refuted((o, { after, startFailure }) => {
      // The next decision starts from a failure that the status contains by then.
      const isCountedNow = startFailure?.count !== o.object.status?.startFailure?.count;
      return after === undefined || isBusy(o) || isCountedNow || shown(later(o, after)) !== shown(o);
    });
    expect(requeuedForNothing).toEqual([]);
  });

  it('is never requeued immediately', () => {
    expect(refuted((_o, { after }) => after !== 0)).toEqual([]);
  });
});

describe('a decision', () => {
  it('keeps the start failure until the guest runs steadily, or the VM is halted on purpose', () => {
    const lost = refuted((o, decision) => {
      const { startFailure, conditions } = o.object.status ?? {};
      const isSteady = stateOf(o) === 'Running' && conditions?.[0]?.lastTransitionTime === secondsAgo(61);
      if (isSteady && decision.statusReason?.reason === 'Available') return decision.startFailure === undefined;
      const isOver = isSteady || (stateOf(o) === 'Halted' && (o.object.spec.powerState === 'Halted' || isDeleting(o)));
      return isOver || (startFailure === undefined) === (decision.startFailure === undefined) || isCounted(decision);
    });
    expect(lost).toEqual([]);
  });

  it('keeps the operation until the VM has reached its state, or another call takes its place', () => {
    const lost = refuted((o, { action, operation, statusReason }) => {
      const before = o.object.status?.operation;
      if ('operation' in action) return operation?.type === action.type && action.operation.type === action.type;
      if (operation === undefined)
        return (
          before === undefined || isEnded(statusReason?.reason) || (stateOf(o) === 'Halting' && before.type !== 'Stop')
        );
      const isSuperseded = statusReason?.reason === 'Available';
      const expected = isSuperseded ? { ...before, lastResult: 'Superseded' } : before;
      return action.type !== 'None' || isDeepStrictEqual(operation, expected);
    });
    expect(lost).toEqual([]);
  });

  it('has the account listed at the urgent interval while the VM is in transition', () => {
    const wrong = refuted((o, { action, fastPolling, operation, startFailure, statusReason }) => {
      const isLateSoon =
        operation !== undefined &&
        o.now - Date.parse(operation.startTime) < (operation.type === 'Stop' ? 330_000 : 30_000);
      const isWatched = statusReason?.reason === 'Available' && (startFailure !== undefined || isLateSoon);
      const isInTransition = !isSettled(statusReason?.reason) && stateOf(o) !== 'Unknown';
      return fastPolling === (action.type !== 'None' || isWatched || isInTransition);
    });
    expect(wrong).toEqual([]);
  });
});

const isDeleting = ({ object }: Observed): boolean => object.metadata.deletionTimestamp !== undefined;
const isCounted = ({ statusReason }: Decision): boolean => statusReason?.reason === 'StartBackoff';
const isSettled = (reason: string | undefined): boolean => reason === 'Available' || reason === 'StartBackoff';
const isEnded = (reason: string | undefined): boolean => isSettled(reason) || reason === 'ProviderBusy';
