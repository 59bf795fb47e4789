import { change, warnOfGitOps } from './changes.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { commandFor, conditionOf, objectName, readOne, type Vm } from './objects.ts';
import { isCurrent, waitFor } from './wait.ts';

/** Shows the steps that `managementPolicy: Plan` holds back; sets that policy, or approves the steps, if asked. */
export async function plan(context: Context): Promise<ExitCode> {
  const { names, options, screen } = context;
  if (names.length !== 1) throw new Failure('Name one object: kubectl vps plan NAME.', 2);
  if (options.set === true && options.approve === true) throw new Failure('Use either --set or --approve.', 2);
  let vm = await readOne(context, objectName(names[0] ?? ''));
  if (options.set === true && vm.spec.managementPolicy !== 'Plan') {
    vm = await setPolicy(context, vm, 'Plan');
    if (options['dry-run'] === true) return 0;
  }
  if (vm.spec.managementPolicy !== 'Plan') {
    const { managementPolicy = 'Manage' } = vm.spec;
    if (options.approve === true)
      throw new Failure(`${vm.metadata.name} has managementPolicy ${managementPolicy}, so no step waits for approval.`);
    screen.print(
      `${vm.metadata.name} has managementPolicy ${managementPolicy}. To hold changes back and show them: ${commandFor(vm, 'plan')} --set`,
    );
    return 0;
  }
  vm = await untilCurrent(context, vm);
  const steps = vm.status?.plannedActions ?? [];
  if (steps.length === 0) screen.print(`No step is due. ${conditionOf(vm, 'Ready')?.message ?? ''}`.trim());
  for (const { operation, message } of steps) screen.print(`${operation}\n  ${message}`);
  if (options.approve !== true) {
    if (steps.length > 0) screen.print(`To approve: ${commandFor(vm, 'plan')} --approve`);
    return 0;
  }
  if (!(await confirm(context, vm.metadata.name, 'Type the name of the object to approve'))) return 4;
  // The steps that were shown, and no others.
  const approved = await setPolicy(context, vm, 'Manage', vm.metadata.resourceVersion);
  if (options.wait !== true || options['dry-run'] === true) return 0;
  return waitFor(
    context,
    [approved],
    (now) => conditionOf(now, 'Ready')?.status === 'True',
    () => 'done',
  );
}

async function setPolicy(context: Context, vm: Vm, managementPolicy: string, resourceVersion?: string): Promise<Vm> {
  const patch = {
    spec: { managementPolicy },
    ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }),
  };
  const stored = await change(context, vm, patch);
  const dryRun = context.options['dry-run'] === true ? ' (dry run: nothing was stored)' : '';
  context.screen.print(`${vm.metadata.name}: spec.managementPolicy set to ${managementPolicy}${dryRun}`);
  warnOfGitOps(context, vm, patch);
  return stored;
}

/** For some seconds: the operator computes the steps within one, if it runs. */
async function untilCurrent(context: Context, vm: Vm): Promise<Vm> {
  const startedAt = context.now();
  let current = vm;
  while (!isCurrent(current)) {
    if (context.now() - startedAt > 15_000)
      throw new Failure(`The operator hasn't reported the steps for the present spec. Check whether it runs.`);
    await context.sleep(500);
    current = await readOne(context, vm.metadata.name, vm.metadata.namespace);
  }
  return current;
}
