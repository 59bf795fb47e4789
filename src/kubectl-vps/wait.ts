import { parseDuration } from '../domain/duration.ts';
import type { Options } from './options.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { conditionOf, list, keyOf, type Vm } from './objects.ts';
import { age } from './screen.ts';

/** Milliseconds of `--timeout`. Throws a Failure. */
export function timeoutOf({ timeout = '10m' }: Pick<Options, 'timeout'>): number {
  return durationOf(timeout);
}

/** Milliseconds. Throws a Failure. */
export function durationOf(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined)
    throw new Failure(`${JSON.stringify(text)} is not a duration. Examples: 90s, 10m, 1h30m.`, 2);
  return milliseconds;
}

const pollEvery = 1_000;

/** Whether the status is about this spec or a later one. */
export function isCurrent(vm: Vm, generation = vm.metadata.generation ?? 0): boolean {
  return (vm.status?.observedGeneration ?? -1) >= generation;
}

/** Why waiting is useless: the object needs a user. */
function holdup(vm: Vm): string | undefined {
  const ready = conditionOf(vm, 'Ready');
  const paused = conditionOf(vm, 'Paused')?.status === 'True';
  if (paused) return 'it is paused';
  if (ready?.reason === 'PlanOnly' || ready?.reason === 'ObserveOnly') return ready.message;
  if (ready?.reason === 'HaltedBySchedule') return ready.message;
  return conditionOf(vm, 'Stalled')?.status === 'True' ? (ready?.message ?? 'it is stalled') : undefined;
}

/** One line of progress: the state, and what the operator does. */
function progressOf(vm: Vm, elapsed: number): string {
  const { status, metadata } = vm;
  const message = isCurrent(vm) ? conditionOf(vm, 'Ready')?.message : 'waiting for the operator';
  return `${metadata.name}: ${status?.state ?? 'no VM'}, ${age(elapsed)}${message === undefined ? '' : `: ${message}`}`;
}

/** Reads the objects every second until `isDone`, an action of the user is needed, or `--timeout` is over. */
export async function waitFor(
  context: Context,
  vms: readonly Vm[],
  isDone: (vm: Vm) => boolean,
  what: (vm: Vm) => string,
): Promise<ExitCode> {
  const { screen, options } = context;
  const timeout = timeoutOf(options);
  const startedAt = context.now();
  const pending = new Map(vms.map((vm) => [keyOf(vm), vm]));
  let exitCode: ExitCode = 0;
  while (pending.size > 0) {
    const elapsed = context.now() - startedAt;
    for (const vm of await readAll(context, [...pending.values()])) {
      const asked = pending.get(keyOf(vm));
      if (asked === undefined || !isCurrent(vm, asked.metadata.generation)) continue;
      const why = isDone(vm) ? undefined : holdup(vm);
      if (!isDone(vm) && why === undefined) {
        pending.set(keyOf(vm), { ...vm, metadata: { ...vm.metadata, generation: asked.metadata.generation ?? 0 } });
        continue;
      }
      pending.delete(keyOf(vm));
      screen.progress(undefined);
      if (why === undefined) screen.print(`${vm.metadata.name}: ${what(vm)} after ${age(elapsed)}`);
      else {
        screen.note(`${vm.metadata.name}: not done, and needs your action: ${why}`);
        exitCode = 3;
      }
    }
    const [next] = pending.values();
    if (next === undefined) break;
    if (elapsed >= timeout) {
      screen.progress(undefined);
      screen.note(`Not done after ${age(elapsed)}: ${[...pending.values()].map((vm) => vm.metadata.name).join(', ')}.`);
      return 3;
    }
    const others = pending.size > 1 ? ` (and ${pending.size - 1} more)` : '';
    screen.progress(`${progressOf(next, elapsed)}${others}`);
    await context.sleep(pollEvery);
  }
  screen.progress(undefined);
  return exitCode;
}

/** One call for each namespace. An object that was deleted meanwhile ends the wait with kubectl's sentence. */
async function readAll(context: Context, vms: readonly Vm[]): Promise<readonly Vm[]> {
  const names = new Map<string, string[]>();
  for (const { metadata } of vms)
    names.set(metadata.namespace, [...(names.get(metadata.namespace) ?? []), metadata.name]);
  const found: Vm[] = [];
  for (const [namespace, inIt] of names) found.push(...(await list(inNamespace(context, namespace), inIt)));
  return found;
}

function inNamespace({ kubectl, options }: Context, namespace: string): Pick<Context, 'kubectl' | 'options'> {
  const { selector: _, 'all-namespaces': __, ...rest } = options;
  return { kubectl: kubectl.inNamespace(namespace), options: rest };
}
