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

const machineWrappers = ['virtual_machine', 'vm'];

/** All decoders take parsed JSON and throw `WireError` for what must not be guessed at. */
export function decodeMachines(body: unknown): readonly Machine[] {
  return requireUniqueIds(readList(body, ['virtual_machines', 'data']).map(decodeMachine));
}

export function decodeMachine(item: unknown): Machine {
  const wire = unwrapItem(item, machineWrappers);
  const lastTask = readTask(wire['last_task']);
  const password = optionalString(wire['initial_password']);
  return {
    id: requiredId(wire['id'], 'a machine'),
    name: requiredString(wire['name'], "a machine's name"),
    state: readState(requiredString(wire['state'], "a machine's state")),
    addresses: readAddresses(wire),
    ...present('ownerId', optionalId(wire['owner_id'])),
    ...present('hostname', optionalString(wire['hostname'])),
    ...present('region', readRef(wire, 'region')),
    ...present('package', readRef(wire, 'package')),
    ...present('osTemplate', readRef(wire, 'os_template')),
    ...present('createdAt', optionalTime(wire['created_at'])),
    ...present('updatedAt', optionalTime(wire['updated_at'])),
    ...present('lastTask', lastTask),
    ...present('initialPassword', password === undefined ? undefined : new Secret(password)),
    ...present('unbilledHours', optionalAmount(wire['unbilled_hours'])),
    ...present('transferTotal', optionalAmount(wire['transfer'])),
    // The provider's text and its example spell it differently.
    ...present('transferRemaining', optionalAmount(wire['transfer_month']) ?? optionalAmount(wire['month_transfer'])),
  };
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
  return { ...readEntry(wire, 'a region'), ...present('packageIds', optionalIds(wire['package_ids'])) };
}

export function decodePackages(body: unknown): readonly Package[] {
  return requireUniqueIds(readList(body, ['packages', 'data']).map(decodePackage));
}

function decodePackage(item: unknown): Package {
  const wire = unwrapItem(item, ['package']);
  return { ...readEntry(wire, 'a package'), ...present('osTemplateIds', optionalIds(wire['os_template_ids'])) };
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
  return { status: status.toLowerCase(), ...present('name', optionalString(value['name'])) };
}

function readRef(wire: WireObject, field: 'region' | 'package' | 'os_template'): CatalogueRef | undefined {
  const id = optionalId(wire[`${field}_id`]);
  return id === undefined ? undefined : { id, ...present('name', optionalString(wire[`${field}_name`])) };
}

function readEntry(wire: WireObject, what: string): { id: number; name: string } {
  return { id: requiredId(wire['id'], what), name: requiredString(wire['name'], `${what}'s name`) };
}

/** An optional field is left out rather than set to undefined. */
function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  // TypeScript widens a computed key to string; the object has exactly the key K.
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
