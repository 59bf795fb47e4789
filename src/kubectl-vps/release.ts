import { patchSpec } from '../api/v1alpha1/commands.ts';
import { group, version, plural } from '../api/v1alpha1/constants.ts';
import { change, gitOpsToolOf } from './changes.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { Conflict, type ExitCode, Failure } from './failure.ts';
import { commandFor, keyOf, readOne, select, type Vm, vmText } from './objects.ts';

/** Deletes objects and keeps their VMs. */
export async function release(context: Context): Promise<ExitCode> {
  const { screen, options } = context;
  const chosen = await select(context);
  const vms = options.deleting === true ? chosen.filter(isDeleting) : chosen;
  if (vms.length === 0) {
    screen.print('No object is being deleted.');
    return 0;
  }
  for (const vm of vms) check(vm);
  for (const vm of vms)
    screen.print(`${keyOf(vm)}: the object ${isDeleting(vm) ? 'is being deleted' : 'will be deleted'}; ${fate(vm)}`);
  // Chosen by `-l` or `--all`, even one object may be another one than the user has in mind.
  const only = context.names.length === 1 ? vms[0]?.metadata.name : undefined;
  const request = only === undefined ? 'Type the number of objects' : 'Type the name of the object';
  if (!(await confirm(context, only ?? String(vms.length), request))) return 4;
  for (const vm of vms) {
    if (options['dry-run'] === true) {
      await retain(context, vm);
      continue;
    }
    await deleteRetained(context, vm);
    screen.print(`${keyOf(vm)}: ${vm.status?.id === undefined ? 'deleted' : `released VM ${vm.status.id}`}`);
  }
  if (options['dry-run'] === true) screen.print('Dry run: nothing was stored or deleted.');
  return 0;
}

const isDeleting = ({ metadata }: Vm): boolean => metadata.deletionTimestamp !== undefined;

function fate(vm: Vm): string {
  if (vm.status?.id === undefined) return 'it has no VM on record';
  return `VM ${vmText(vm)} stays at the provider and incurs charges`;
}

/** Throws a Failure for an object that would come back, or that can't be deleted. One that is being deleted is in need of `Retain` anyway. */
function check(vm: Vm): void {
  if (isDeleting(vm)) return;
  const tool = gitOpsToolOf(vm);
  if (tool !== undefined)
    throw new Failure(
      `${tool} manages ${keyOf(vm)} and would create it again. Set deletionPolicy: Retain in Git, wait for the sync, then remove the object from Git.`,
    );
  if (vm.spec.deletionProtection === true)
    throw new Failure(
      `${keyOf(vm)} has deletionProtection, so the API server refuses to delete it. To lift the protection: ${patchSpec(vm.metadata, { deletionProtection: false })}`,
    );
}

const retain = (context: Context, vm: Vm): Promise<Vm> => change(context, vm, { spec: { deletionPolicy: 'Retain' } });

const mostAttempts = 10;

/**
 * Sets `Retain`, and deletes only the version that has it: if another client has changed the object in between, for example
 * to `Delete`, the API server refuses the delete.
 */
async function deleteRetained(context: Context, vm: Vm): Promise<void> {
  const { name, namespace, uid } = vm.metadata;
  let current = await retain(context, vm);
  for (let attempt = 1; ; attempt += 1) {
    if (current.metadata.uid !== uid) throw new Failure(`${keyOf(vm)} was replaced meanwhile, so it wasn't deleted.`);
    if (current.spec.deletionPolicy !== 'Retain')
      throw new Failure(
        `Another client set the deletionPolicy of ${keyOf(vm)} back, so the object wasn't deleted. Show it with: ${commandFor(vm, 'status')}`,
      );
    if (isDeleting(current)) return;
    const preconditions = { uid, resourceVersion: current.metadata.resourceVersion };
    const body = JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions });
    const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
    try {
      await context.kubectl.text(['delete', `--raw=${path}`, '--filename=-'], body);
      return;
    } catch (error) {
      // The operator writes its status at any time.
      if (!(error instanceof Conflict) || attempt === mostAttempts) throw error;
    }
    current = await readOne(context, name, namespace);
  }
}
