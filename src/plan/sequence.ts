import type { KnownMachine } from '../api/v1alpha1/identity.ts';
import type { PlannedAction } from '../api/v1alpha1/types.ts';
import type { CatalogRef, CreateRequest, Machine, MachineState, Package } from '../domain/machine.ts';
import { quoted } from '../domain/text.ts';
import type { Action } from './action.ts';
import { differencesFrom } from './as-specified.ts';
import type { Observed } from './observed.ts';
import { desiredPowerState } from './power.ts';
import { graceOf } from './power-call.ts';
import { isToBeDeleted } from './protection.ts';

/** Bytes of text from the spec, which its reader has already. */
const longestWanted = 16;

/**
 * All steps that the operator would take, starting with the action that is due; undefined if that changes neither a VM nor its
 * ownership. "power off" is a stop (Soft), a stop and a kill (TrySoft), or a kill (Hard); an end is the deletion of the object.
 *
 * | action due  | then, to run                   | then, to be halted            | then, at the end                          |
 * | ----------- | ------------------------------ | ----------------------------- | ----------------------------------------- |
 * | Create      |                                | power off: a new VM runs      |                                           |
 * | adoption    | start, unless it runs          | power off, unless it is halted | power off, unless it is halted, and delete |
 * | Start       |                                |                               |                                           |
 * | Stop        |                                | kill (TrySoft)                | kill (TrySoft), delete                    |
 * | Kill        | start                          |                               | delete                                    |
 * | Restart, Delete |                            |                               |                                           |
 */
export function sequenceOf(o: Observed, action: Action): readonly PlannedAction[] | undefined {
  const machine = o.machine.kind === 'Present' ? o.machine.machine : undefined;
  const vm = 'id' in action ? describeVm({ id: action.id, name: machine?.name ?? o.providerName }) : '';
  switch (action.type) {
    case 'Create': {
      const vmOfRequest = `VM ${quoted(action.request.name)}`;
      const powerOff = desiredPowerState(o) === 'Halted' ? powerOffFrom(o, 'Running', vmOfRequest) : [];
      return [step('CreateMachine', describeCreate(o, action.request)), ...powerOff];
    }
    case 'RecordIdentity':
      return action.machine.origin === 'Adopted' ? adoption(o, action.machine, machine) : undefined;
    case 'Start':
      return [start(vm)];
    case 'Stop':
      return [...powerOffFrom(o, 'Running', vm), ...afterPowerOff(o, vm)];
    case 'Restart':
      return [step('RestartMachine', `restart ${vm}`)];
    case 'Kill':
      return [step('KillMachine', `cut the power of ${vm}`), ...afterPowerOff(o, vm)];
    case 'Delete':
      return [remove(vm)];
    case 'None':
    case 'CompleteIdentity':
    case 'WritePassword':
    case 'WithdrawIntent':
    case 'ReleaseFinalizer':
      return undefined;
  }
}

/** The VM keeps these differences, so the user who approves the plan reads about them here. */
function adoption(o: Observed, known: KnownMachine, machine: Machine | undefined): readonly PlannedAction[] {
  const vm = describeVm(known);
  const details = [
    named('in region', machine?.region),
    named('with package', machine?.package),
    named('and OS template', machine?.osTemplate),
  ];
  const differences = differencesFrom(o.object.spec, machine ?? {}).map(
    ({ field, wanted }) => `spec.${field} ${'id' in wanted ? wanted.id : quoted(wanted.name, longestWanted)}`,
  );
  const message = ['adopt', vm, ...details].filter((words) => words !== '').join(' ');
  const different = differences.length === 0 ? '' : `, which differs from ${differences.join(', ')}`;
  return [step('AdoptMachine', message + different), ...toSpec(o, machine?.state ?? 'Unknown', vm)];
}

/** The further steps for a VM that is on record from now on. */
function toSpec(o: Observed, state: MachineState, vm: string): readonly PlannedAction[] {
  if (desiredPowerState(o) === 'Halted' || isToBeDeleted(o.object))
    return [...(state === 'Halted' ? [] : powerOffFrom(o, state, vm)), ...afterPowerOff(o, vm)];
  return state === 'Halted' || state === 'Halting' ? [start(vm)] : [];
}

function powerOffFrom(o: Observed, state: MachineState, vm: string): readonly PlannedAction[] {
  const { mode } = o.object.spec.powerOff;
  if (mode === 'Hard') return [step('KillMachine', `cut the power of ${vm}`)];
  const shutdown = step('StopMachine', `send ${vm} the shutdown signal`);
  const cut = step('KillMachine', `cut its power if it isn't halted after ${graceOf(o) / 1_000} s`);
  return [...(state === 'Halting' ? [] : [shutdown]), ...(mode === 'TrySoft' ? [cut] : [])];
}

function afterPowerOff(o: Observed, vm: string): readonly PlannedAction[] {
  if (isToBeDeleted(o.object)) return [remove(vm)];
  return desiredPowerState(o) === 'Running' ? [start(vm)] : [];
}

function start(vm: string): PlannedAction {
  return step('StartMachine', `start ${vm}`);
}

function remove(vm: string): PlannedAction {
  return step('DeleteMachine', `delete ${vm} and all its data, which can't be undone`);
}

function describeVm({ id, name }: Pick<Machine, 'id' | 'name'>): string {
  return `VM ${id} (${quoted(name)})`;
}

function describeEntry({ id, name }: CatalogRef): string {
  return name === undefined ? `${id}` : `${quoted(name)} (${id})`;
}

function named(words: string, ref: CatalogRef | undefined): string {
  return ref === undefined ? '' : `${words} ${describeEntry(ref)}`;
}

function describeCreate({ catalog, identity }: Observed, request: CreateRequest): string {
  const { regions, packages, osTemplates } = catalog.kind === 'Read' ? catalog : {};
  const pack: Package = entryOf(request.packageId, packages);
  const vm = identity.kind === 'Known' ? 'a new, empty VM' : 'VM';
  const instead = identity.kind === 'Known' ? ` in place of VM ${identity.id}` : '';
  const region = describeEntry(entryOf(request.regionId, regions));
  const template = describeEntry(entryOf(request.osTemplateId, osTemplates));
  return `create ${vm} ${quoted(request.name)}${instead} in region ${region} with package ${describeEntry(pack)} and OS template ${template} for ${describePrice(pack)}`;
}

function entryOf<T extends CatalogRef>(id: number, list: readonly T[] | undefined): T | CatalogRef {
  return list?.find((entry) => entry.id === id) ?? { id };
}

/** The catalog has several currencies, and the operator doesn't know which one the account uses. */
function describePrice({ prices = [] }: Package): string {
  for (const per of ['month', 'hour'] as const) {
    const amounts = prices.filter((price) => price.per === per).map(({ amount, currency }) => `${amount} ${currency}`);
    if (amounts.length > 0) return `${amounts.join(' or ')} ${per === 'hour' ? 'an' : 'a'} ${per}`;
  }
  return 'a price that the catalog does not show';
}

function step(operation: string, message: string): PlannedAction {
  return { operation, message };
}
