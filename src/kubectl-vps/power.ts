import { readTime } from '../api/v1alpha1/annotations.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import type { PowerState } from '../api/v1alpha1/types.ts';
import { change, type Patch, warnOfGitOps } from './changes.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { commandFor, conditionOf, keyOf, select, type Vm } from './objects.ts';
import { durationOf, isCurrent, waitFor } from './wait.ts';

/** What a verb changes in an object, or why it changes nothing. */
type Step = { readonly patch: Patch; readonly done: string } | { readonly skip: string };

export const start = (context: Context): Promise<ExitCode> => setPower(context, 'Running');
export const stop = (context: Context): Promise<ExitCode> => setPower(context, 'Halted');

function setPower(context: Context, powerState: PowerState): Promise<ExitCode> {
  return changeAll(
    context,
    ({ spec }) =>
      spec.powerState === powerState
        ? { skip: `spec.powerState is ${powerState} already` }
        : { patch: { spec: { powerState } }, done: `spec.powerState set to ${powerState}` },
    {
      isDone: ({ status }) => status?.state === powerState && status.operation === undefined,
      what: () => powerState,
    },
  );
}

export function restart(context: Context): Promise<ExitCode> {
  // Milliseconds: a second restart in the same second is another request.
  const restartRequest = new Date(context.now()).toISOString();
  return changeAll(
    context,
    ({ status }) =>
      status?.id === undefined
        ? { skip: 'no VM on record, so there is nothing to restart', isFinal: true }
        : status.state === 'Halted'
          ? { skip: 'the VM is halted, so there is nothing to restart', isFinal: true }
          : { patch: { spec: { restartRequest } }, done: 'restart requested' },
    {
      isDone: ({ status }) =>
        status?.lastRestartRequest === restartRequest && status.state === 'Running' && status.operation === undefined,
      what: () => 'restarted',
    },
  );
}

export function pause(context: Context): Promise<ExitCode> {
  return changeAll(context, ({ metadata }) =>
    metadata.annotations?.[annotations.paused] === 'true'
      ? { skip: 'paused already' }
      : { patch: annotate('true'), done: 'paused: the operator sends no request for its VM, and a deletion waits' },
  );
}

export function resume(context: Context): Promise<ExitCode> {
  return changeAll(context, ({ metadata }) =>
    metadata.annotations?.[annotations.paused] === undefined
      ? { skip: 'not paused' }
      : { patch: annotate(null), done: 'resumed' },
  );
}

const annotate = (value: string | null, name: string = annotations.paused): Patch => ({
  metadata: { annotations: { [name]: value } },
});

export async function keepRunning(context: Context): Promise<ExitCode> {
  const until = endOf(context);
  return changeAll(context, ({ metadata, spec }) => {
    const present = metadata.annotations?.[annotations.keepRunningUntil] ?? null;
    if (spec.powerSchedule === undefined) return { skip: 'no spec.powerSchedule halts it' };
    if (present === until)
      return { skip: until === null ? 'follows its schedule already' : `kept running until ${until} already` };
    return {
      patch: annotate(until, annotations.keepRunningUntil),
      done: until === null ? 'follows its schedule again' : `kept running until ${until}`,
    };
  });
}

/** The time that the options name; null: none. Throws a Failure unless exactly one of them is given, and the time is to come. */
function endOf({ options, now }: Context): string | null {
  const { for: duration, until, off } = options;
  if ([duration, until, off].filter((given) => given !== undefined).length !== 1)
    throw new Failure('Use one of --for DURATION, --until TIME and --off.', 2);
  if (off === true) return null;
  const time = until === undefined ? now() + durationOf(duration ?? '') : readTime(until);
  if (time === undefined || time <= now())
    throw new Failure(`${JSON.stringify(until ?? duration)} is not a time to come. Example: 2026-01-02T18:00:00Z.`, 2);
  return new Date(Math.ceil(time / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}

interface Goal {
  readonly isDone: (vm: Vm) => boolean;
  readonly what: (vm: Vm) => string;
}

/** Changes each chosen object, reports what was done, and waits with `--wait`. */
async function changeAll(
  context: Context,
  stepFor: (vm: Vm) => Step & { readonly isFinal?: true },
  goal?: Goal,
): Promise<ExitCode> {
  const { screen, options } = context;
  const isDryRun = options['dry-run'] === true;
  const waited: Vm[] = [];
  for (const vm of await select(context)) {
    const step = stepFor(vm);
    const label = options['all-namespaces'] === true ? keyOf(vm) : vm.metadata.name;
    if ('skip' in step) {
      screen.print(`${label}: ${step.skip}`);
      if (goal !== undefined && step.isFinal !== true) noteHeldBack(context, vm);
      if (step.isFinal !== true) waited.push(vm);
      continue;
    }
    const stored = await change(context, vm, step.patch);
    screen.print(`${label}: ${step.done}${isDryRun ? ' (dry run: nothing was stored)' : ''}`);
    warnOfGitOps(context, vm, step.patch);
    if (goal !== undefined) noteHeldBack(context, vm);
    waited.push(stored);
  }
  if (options.wait !== true || isDryRun || goal === undefined || waited.length === 0) return 0;
  return waitFor(context, waited, goal.isDone, goal.what);
}

/** Says what else the user has to do before the operator acts. */
function noteHeldBack({ screen }: Context, vm: Vm): void {
  const { managementPolicy = 'Manage' } = vm.spec;
  const { name } = vm.metadata;
  if (vm.metadata.annotations?.[annotations.paused] === 'true')
    screen.note(`Note: ${name} is paused. The operator acts after: ${commandFor(vm, 'resume')}`);
  if (managementPolicy === 'Plan')
    screen.note(
      `Note: ${name} has managementPolicy Plan. The operator acts after: ${commandFor(vm, 'plan')} --approve`,
    );
  if (managementPolicy === 'Observe')
    screen.note(`Note: ${name} has managementPolicy Observe, so the operator doesn't change its VM.`);
  if (vm.status?.haltedUntil !== undefined)
    screen.note(
      `Note: the schedule of ${name} halts it until ${vm.status.haltedUntil}. To run it now: ${commandFor(vm, 'keep-running')} --for 4h`,
    );
  const ready = conditionOf(vm, 'Ready');
  if (isCurrent(vm) && conditionOf(vm, 'Stalled')?.status === 'True' && ready !== undefined)
    screen.note(`Note: ${name} needs your action (${ready.reason}). Show it with: ${commandFor(vm, 'status')}`);
}
