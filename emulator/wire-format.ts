import type { Catalog, CatalogOsTemplate, CatalogPackage, CatalogRegion } from './catalog.ts';
import { uptime, type Machine } from './machine.ts';
import { isNamed, type Behavior } from './behavior.ts';
import type { State } from './transitions.ts';

/** Serialization of the provider's entities to JSON values, in the format that the switches select. */
export interface Writing {
  readonly switches: Behavior;
  readonly catalog: Catalog;
  readonly now: number;
}

type Fields = Record<string, unknown>;

const aliases: Readonly<Record<State, string>> = {
  pending: 'provisioning',
  starting: 'starting',
  running: 'running',
  halting: 'shutting down',
  halted: 'off',
};

/** A list in its envelope, as JSON; `items` are JSON too. `name` is that of the list, such as `virtual_machines`. */
export function writeList(items: readonly string[], name: string, { listShape, unknownFields }: Behavior): string {
  const array = `[${items.join(',')}]`;
  if (listShape === 'array') return array;
  const more = unknownFields === 'some' ? `,"total_count":${items.length}` : '';
  return `{${JSON.stringify(listShape === 'data' ? 'data' : name)}:${array}${more}}`;
}

/** A VM, in an envelope if the switches ask for one. */
export function writeMachine(machine: Machine, writing: Writing): unknown {
  const { itemShape } = writing.switches;
  const fields = machineFields(machine, writing);
  return itemShape === 'bare' ? fields : { [itemShape]: fields };
}

/** The response to a create; undefined: an empty body. */
export function writeCreated(machine: Machine, writing: Writing): unknown {
  const id = writeId(machine.id, writing.switches);
  switch (writing.switches.createAnswer) {
    case 'machine':
      return writeMachine(machine, writing);
    case 'wrapped':
      return { virtual_machine: machineFields(machine, writing) };
    case 'id':
      return { id };
    case 'success-id':
      return { status: 'success', id };
    case 'success':
      return { status: 'success' };
    case 'empty':
      return undefined;
  }
}

/** The response to an accepted power call. */
export function writePowered(machine: Machine, writing: Writing): unknown {
  switch (writing.switches.powerAnswer) {
    case 'machine':
      return writeMachine(machine, writing);
    case 'success':
      return { status: 'success', message: 'Accepted' };
    case 'empty':
      return undefined;
  }
}

export function writeRegion(region: CatalogRegion, switches: Behavior): unknown {
  return {
    id: writeId(region.id, switches),
    name: region.name,
    country_code: region.countryCode,
    package_ids: region.packageIds.map((id) => writeId(id, switches)),
    ...strangeFields(switches),
  };
}

export function writePackage(entry: CatalogPackage, switches: Behavior): unknown {
  return {
    id: writeId(entry.id, switches),
    name: entry.name,
    memory: entry.memory,
    disk_space: entry.diskSpace,
    cpu_cores: entry.cpuCores,
    bandwidth: entry.bandwidth,
    ipv4_addresses: entry.ipv4Addresses,
    ipv6_addresses: entry.ipv6Addresses,
    price_hour_eur: entry.priceHour.eur,
    price_hour_gbp: entry.priceHour.gbp,
    price_hour_usd: entry.priceHour.usd,
    price_month_eur: entry.priceMonth.eur,
    price_month_gbp: entry.priceMonth.gbp,
    price_month_usd: entry.priceMonth.usd,
    os_template_ids: entry.osTemplateIds.map((id) => writeId(id, switches)),
    ...strangeFields(switches),
  };
}

export function writeOsTemplate(template: CatalogOsTemplate, switches: Behavior): unknown {
  return {
    id: writeId(template.id, switches),
    name: template.name,
    os_type: template.osType,
    min_size: template.minSize,
    description: template.description,
    ...strangeFields(switches),
  };
}

function machineFields(machine: Machine, writing: Writing): Fields {
  const { switches } = writing;
  const required = { id: writeId(machine.id, switches), name: machine.name, state: writeState(machine, switches) };
  if (switches.optionalFields === 'missing') return required;
  const optional = optionalFields(machine, writing);
  if (switches.optionalFields === 'null') {
    return { ...required, ...Object.fromEntries(Object.keys(optional).map((field) => [field, null])) };
  }
  return { ...required, ...optional, ...strangeFields(switches) };
}

function optionalFields(machine: Machine, { switches, catalog, now }: Writing): Fields {
  const { id, regionId, packageId, osTemplateId, createdAt, updatedAt, task } = machine;
  const plan = catalog.packages.find((entry) => entry.id === packageId);
  const transfer = (plan?.bandwidth ?? 0) * 1_024;
  const used = isNamed(switches.transferUsedNames, machine.name) ? Math.min(100, switches.transferUsed) : 0;
  const age = now - createdAt;
  return {
    hostname: machine.name.toLowerCase(),
    created_at: new Date(createdAt + switches.clockOffset).toISOString(),
    updated_at: new Date(updatedAt + switches.clockOffset).toISOString(),
    owner_id: writeId(machine.ownerId, switches),
    region_id: writeId(regionId, switches),
    region_name: nameOf(catalog.regions, regionId),
    package_id: writeId(packageId, switches),
    package_name: nameOf(catalog.packages, packageId),
    os_template_id: writeId(osTemplateId, switches),
    os_template_name: nameOf(catalog.osTemplates, osTemplateId),
    initial_password: age < switches.passwordLag ? null : machine.password,
    ...(age < switches.addressLag ? noAddresses(switches) : addresses(machine, switches)),
    ...(switches.lastTask === 'shown'
      ? { last_task: { id: writeId(task.id, switches), name: task.name, progress: null, status: task.status } }
      : {}),
    unbilled_hours: billedHours(uptime(machine, now)),
    transfer,
    [switches.transferField]: Math.floor((transfer * (100 - used)) / 100),
    virtual_machine_disk_ids: [writeId(id, switches)],
  };
}

/** A started hour is billed in full. */
export function billedHours(milliseconds: number): number {
  return Math.ceil(milliseconds / 3_600_000);
}

function nameOf(entries: readonly { readonly id: number; readonly name: string }[], id: number): string | null {
  return entries.find((entry) => entry.id === id)?.name ?? null;
}

function writeId(id: number, { idShape }: Behavior): number | string {
  return idShape === 'string' ? String(id) : id;
}

function writeState({ name, state }: Machine, switches: Behavior): string {
  if (isNamed(switches.strangeStateNames, name)) return switches.strangeState;
  switch (switches.stateSpelling) {
    case 'documented':
      return state;
    case 'aliases':
      return aliases[state];
    case 'upper':
      return state.toUpperCase();
  }
}

/**
 * Addresses are derived from the id, within blocks reserved for benchmarks and documentation, so that each is unique
 * and none is real.
 */
function addresses({ id, hasIpv6 }: Machine, { addressShape, ipv6Allocation }: Behavior): Fields {
  const first = `198.${18 + ((id >> 16) & 1)}.${(id >> 8) & 255}.${id & 255}`;
  const prefix = `2001:db8:${((id >> 16) & 0xffff).toString(16)}:${(id & 0xffff).toString(16)}::`;
  const own = `${prefix}2`;
  const subnet = { first: prefix, last: `${prefix.slice(0, -1)}ffff:ffff:ffff:ffff` };
  const four = { version: 4, first, last: first, gateway: '198.18.0.1', prefixlen: 15 };
  const range = ipv6Allocation === 'subnet' ? subnet : { first: own, last: own };
  const six = { version: 6, ...range, gateway: `${prefix}1`, prefixlen: 64 };
  const assignments = [first, ...(hasIpv6 ? [own] : [])].map((address) => ({ ip_address: address }));
  return {
    ...(addressShape === 'ip_assignments' ? {} : { ip_allocations: hasIpv6 ? [four, six] : [four] }),
    ...(addressShape === 'ip_allocations' ? {} : { ip_assignments: assignments }),
  };
}

function noAddresses({ addressShape }: Behavior): Fields {
  return {
    ...(addressShape === 'ip_assignments' ? {} : { ip_allocations: [] }),
    ...(addressShape === 'ip_allocations' ? {} : { ip_assignments: [] }),
  };
}

function strangeFields({ unknownFields }: Behavior): Fields {
  return unknownFields === 'some' ? { flavour: { id: 7, tags: ['new'] }, backups: [], locked: null } : {};
}
