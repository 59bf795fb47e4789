import type {
  CatalogueRef,
  CreateRequest,
  LastTask,
  Machine,
  MachineState,
  OsTemplate,
  Package,
  ProviderId,
  Region,
} from '../../model/machine.ts';
import { Secret } from '../../model/secret.ts';
import type { CreateAnswer } from '../port.ts';
import { readAddresses } from './addresses.ts';
import type { WireObject } from './wire.ts';
import {
  isWireObject,
  optionalAmount,
  optionalId,
  optionalIds,
  optionalString,
  optionalTime,
  readList,
  requiredId,
  requiredString,
  requireUniqueIds,
  tellsFailure,
  unwrapItem,
  WireError,
} from './wire.ts';

const stateBySpelling: ReadonlyMap<string, MachineState> = new Map<string, MachineState>([
  ['pending', 'Pending'],
  ['provisioning', 'Pending'],
  ['starting', 'Starting'],
  ['running', 'Running'],
  ['halting', 'Halting'],
  ['stopping', 'Halting'],
  ['shutting down', 'Halting'],
  ['halted', 'Halted'],
  ['stopped', 'Halted'],
  ['off', 'Halted'],
]);

const longestPassword = 4096;
const machineWrappers = ['virtual_machine', 'vm'];

/** All decoders take parsed JSON and throw `WireError` for what must not be guessed at. */
export function decodeMachines(body: unknown): readonly Machine[] {
  return requireUniqueIds(readList(body, ['virtual_machines', 'data']).map(decodeMachine));
}

export function decodeMachine(item: unknown): Machine {
  const wire = unwrapItem(item, machineWrappers);
  const machine: Draft<Machine> = {
    id: requiredId(wire['id'], 'a machine'),
    name: requiredString(wire['name'], "a machine's name"),
    state: readState(requiredString(wire['state'], "a machine's state")),
    addresses: readAddresses(wire),
  };
  const password = optionalString(wire['initial_password'], longestPassword);
  set(machine, 'ownerId', optionalId(wire['owner_id']));
  set(machine, 'hostname', optionalString(wire['hostname']));
  set(machine, 'region', readRef(wire['region_id'], wire['region_name']));
  set(machine, 'package', readRef(wire['package_id'], wire['package_name']));
  set(machine, 'osTemplate', readRef(wire['os_template_id'], wire['os_template_name']));
  set(machine, 'createdAt', optionalTime(wire['created_at']));
  set(machine, 'updatedAt', optionalTime(wire['updated_at']));
  set(machine, 'lastTask', readTask(wire['last_task']));
  set(machine, 'initialPassword', password === undefined ? undefined : new Secret(password));
  set(machine, 'unbilledHours', optionalAmount(wire['unbilled_hours']));
  set(machine, 'transferTotal', optionalAmount(wire['transfer']));
  // The provider's text and its example spell it differently.
  set(machine, 'transferRemaining', optionalAmount(wire['transfer_month']) ?? optionalAmount(wire['month_transfer']));
  return machine;
}

/** The machine that was asked for; another one is no answer. */
export function decodeMachineOf(id: ProviderId, body: unknown): Machine {
  const machine = decodeMachine(body);
  if (machine.id !== id) throw new WireError('the answer is another machine');
  return machine;
}

/**
 * A create is answered by the machine, wrapped or not, by its id, or by `{"status": "success"}` with or without the id.
 * An id is kept even if the rest is unreadable: it is the proof of what was made.
 */
export function decodeCreateAnswer(body: unknown): CreateAnswer {
  const wire = unwrapItem(body, machineWrappers);
  const id = optionalId(wire['id']);
  if (id !== undefined && typeof wire['name'] === 'string' && typeof wire['state'] === 'string') {
    return { id, machine: decodeMachine(wire) };
  }
  if (tellsFailure(wire) || (isWireObject(body) && tellsFailure(body))) {
    throw new WireError('the answer tells of a failure');
  }
  if (id !== undefined) return { id };
  if (wire['id'] !== undefined && wire['id'] !== null) throw new WireError('the answer has no usable id');
  return {};
}

export function decodeRegions(body: unknown): readonly Region[] {
  return requireUniqueIds(readList(body, ['regions', 'data']).map(decodeRegion));
}

function decodeRegion(item: unknown): Region {
  const wire = unwrapItem(item, ['region']);
  const region: Draft<Region> = readEntry(wire, 'a region');
  set(region, 'packageIds', optionalIds(wire['package_ids']));
  return region;
}

export function decodePackages(body: unknown): readonly Package[] {
  return requireUniqueIds(readList(body, ['packages', 'data']).map(decodePackage));
}

function decodePackage(item: unknown): Package {
  const wire = unwrapItem(item, ['package']);
  const entry: Draft<Package> = readEntry(wire, 'a package');
  set(entry, 'osTemplateIds', optionalIds(wire['os_template_ids']));
  return entry;
}

export function decodeOsTemplates(body: unknown): readonly OsTemplate[] {
  const items = readList(body, ['os_templates', 'data']);
  return requireUniqueIds(items.map((item) => readEntry(unwrapItem(item, ['os_template']), 'an OS template')));
}

/** The create body: booleans are always said, keys only when there are any. */
export function encodeCreate(request: CreateRequest): WireObject {
  return {
    name: request.name,
    os_template_id: request.osTemplateId,
    region_id: request.regionId,
    package_id: request.packageId,
    has_private_networking: request.privateNetworking,
    has_ipv6: request.ipv6,
    ...(request.sshKeyIds.length > 0 ? { ssh_key_ids: request.sshKeyIds } : {}),
  };
}

function readState(spelling: string): MachineState {
  return stateBySpelling.get(spelling.trim().toLowerCase().replaceAll(/[_-]/g, ' ')) ?? 'Unknown';
}

function readTask(value: unknown): LastTask | undefined {
  if (!isWireObject(value)) return undefined;
  const status = optionalString(value['status']);
  if (status === undefined) return undefined;
  const task: Draft<LastTask> = { status: status.toLowerCase() };
  set(task, 'name', optionalString(value['name']));
  return task;
}

function readRef(idField: unknown, nameField: unknown): CatalogueRef | undefined {
  const id = optionalId(idField);
  if (id === undefined) return undefined;
  const ref: Draft<CatalogueRef> = { id };
  set(ref, 'name', optionalString(nameField));
  return ref;
}

function readEntry(wire: WireObject, what: string): { id: number; name: string } {
  return { id: requiredId(wire['id'], what), name: requiredString(wire['name'], `${what}'s name`) };
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** An optional field that is not there is left out rather than set to undefined. */
function set<T, K extends keyof T>(draft: Draft<T>, key: K, value: T[K] | undefined): void {
  if (value !== undefined) draft[key] = value;
}
