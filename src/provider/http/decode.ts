import type {
  CatalogRef,
  CreateRequest,
  LastTask,
  ListedMachine,
  Machine,
  MachineState,
  OsTemplate,
  Package,
  Price,
  ProviderId,
  Region,
  UnreadableMachine,
} from '../../domain/machine.ts';
import { isRecord } from '../../domain/json.ts';
import { isReadable } from '../../domain/machine.ts';
import { Secret } from '../../domain/secret.ts';
import type { CreateResult } from '../provider.ts';
import { readAddresses } from './addresses.ts';
import type { KnownSecrets } from './known-secrets.ts';
import { listLimits, readEntries } from './list-parser.ts';
import { isUnprintable, lengthOf, longestName, type RawText, rawText, Sanitizer } from './raw-text.ts';
import type { WireObject } from './json-fields.ts';
import {
  optionalAmount,
  optionalId,
  optionalIds,
  optionalTime,
  parseJson,
  requiredId,
  requireUniqueIds,
  reportsFailure,
  unwrapItem,
  WireError,
} from './json-fields.ts';

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
const longestState = 64;
const longestProgress = 32;
/** The limit of the status. */
const maxDisks = 16;
const machineWrappers = ['virtual_machine', 'vm'];

/** The context of decoding: the secrets to remove, and the wall clock. */
export interface Context {
  readonly secrets: KnownSecrets;
  readonly now: number;
}

/** All decoders take the text of a response, and throw `WireError` for anything that must not be guessed. */
export function decodeMachines(text: string, { secrets, now }: Context): readonly ListedMachine[] {
  let addresses = 0;
  let characters = 0;
  const drafts = readEntries(text, ['virtual_machines', 'data'], (entry) => {
    const draft = readMachine(unwrapItem(entry, machineWrappers), now);
    addresses += draft.rest.addresses.length;
    characters += textLengthOf(draft);
    if (addresses > listLimits.addresses) throw tooMany('IP addresses', listLimits.addresses);
    if (characters > listLimits.characters) throw tooMany('characters of text', listLimits.characters);
    return draft;
  });
  secrets.addList(drafts.flatMap(({ password }) => password ?? []));
  const sanitizer = new Sanitizer(secrets);
  return requireUniqueIds(drafts.map((draft) => finish(draft, sanitizer)));
}

function tooMany(what: string, most: number): WireError {
  return new WireError(`the list has more than ${most} ${what}`);
}

function textLengthOf({ name, hostname, region, package: pack, osTemplate, task, password }: MachineDraft): number {
  const texts = [name, hostname, region?.name, pack?.name, osTemplate?.name, task?.status, task?.name, task?.progress];
  return texts.reduce((sum, text) => sum + lengthOf(text), password?.length ?? 0);
}

/** The requested machine. A response with another one is refused. */
export function decodeMachineOf(id: ProviderId, text: string, context: Context): Machine {
  const machine = decodeMachine(unwrapItem(parseJson(text), machineWrappers), context);
  if (machine.id !== id) throw new WireError('the answer is another machine');
  if (!isReadable(machine)) throw new WireError(`the machine cannot be read: ${machine.problem}`);
  return machine;
}

/**
 * The response to a create is the machine, wrapped or not, its id, or `{"status": "success"}` with or without the id.
 * The id is kept even if the rest is unreadable: it proves which VM was created.
 */
export function decodeCreateResponse(text: string, context: Context): CreateResult {
  const body = parseJson(text);
  const wire = unwrapItem(body, machineWrappers);
  const id = optionalId(wire['id']);
  const machine = id === undefined ? undefined : decodeMachine(wire, context);
  // If the response reports a failure beside the machine, that machine may be another VM of the name. A status inside
  // the machine is the machine's.
  const isBeside = isRecord(body) && body !== wire && reportsFailure(body);
  if (!isBeside && id !== undefined && machine !== undefined && isReadable(machine)) return { id, machine };
  if (isBeside || reportsFailure(wire)) throw new WireError('the response reports a failure');
  if (id !== undefined) return { id };
  if (wire['id'] !== undefined && wire['id'] !== null) throw new WireError('the answer has no usable id');
  return {};
}

function decodeMachine(wire: WireObject, { secrets, now }: Context): ListedMachine {
  const draft = readMachine(wire, now);
  if (draft.password !== undefined) secrets.add(draft.password);
  return finish(draft, new Sanitizer(secrets));
}

interface RawRef {
  readonly id: ProviderId;
  readonly name: RawText | undefined;
}

/** A machine with unsanitized texts: in a list, a later entry may show which word in them is a password. */
interface MachineDraft {
  readonly id: ProviderId;
  readonly name: RawText | undefined;
  readonly state: MachineState | undefined;
  readonly hostname: RawText | undefined;
  readonly region: RawRef | undefined;
  readonly package: RawRef | undefined;
  readonly osTemplate: RawRef | undefined;
  readonly task:
    | {
        readonly id: ProviderId | undefined;
        readonly status: RawText;
        readonly name: RawText | undefined;
        readonly progress: RawText | undefined;
      }
    | undefined;
  readonly password: string | undefined;
  /** The values that aren't text. */
  readonly rest: Pick<Machine, 'addresses'> & Partial<Machine>;
}

function readMachine(wire: WireObject, now: number): MachineDraft {
  const password = wire['initial_password'];
  const rest: Draft<MachineDraft['rest']> = { addresses: readAddresses(wire) };
  set(rest, 'ownerId', optionalId(wire['owner_id']));
  set(rest, 'createdAt', optionalTime(wire['created_at'], now));
  set(rest, 'updatedAt', optionalTime(wire['updated_at'], now));
  set(rest, 'diskIds', optionalIds(wire['virtual_machine_disk_ids'])?.slice(0, maxDisks));
  set(rest, 'unbilledHours', optionalAmount(wire['unbilled_hours']));
  set(rest, 'transferTotal', optionalAmount(wire['transfer']));
  // The provider's documentation and its example spell it differently.
  set(rest, 'transferRemaining', optionalAmount(wire['transfer_month']) ?? optionalAmount(wire['month_transfer']));
  return {
    id: requiredId(wire['id'], 'a machine'),
    name: rawText(wire['name']),
    state: readState(wire['state']),
    hostname: rawText(wire['hostname']),
    region: readRef(wire['region_id'], wire['region_name']),
    package: readRef(wire['package_id'], wire['package_name']),
    osTemplate: readRef(wire['os_template_id'], wire['os_template_name']),
    task: readTask(wire['last_task']),
    password: typeof password === 'string' && password.length <= longestPassword ? password || undefined : undefined,
    rest,
  };
}

function finish(draft: MachineDraft, sanitizer: Sanitizer): ListedMachine {
  const { id, state } = draft;
  const name = draft.name && sanitizer.exact(draft.name, draft.password);
  if (name === undefined) return { id, ...unreadableName(draft.name) };
  if (state === undefined) return { id, name, problem: 'its state is missing' };
  const machine: Draft<Machine> = { id, name, state, ...draft.rest };
  set(machine, 'hostname', sanitizer.shown(draft.hostname));
  set(machine, 'region', finishRef(draft.region, sanitizer));
  set(machine, 'package', finishRef(draft.package, sanitizer));
  set(machine, 'osTemplate', finishRef(draft.osTemplate, sanitizer));
  set(machine, 'lastTask', finishTask(draft.task, sanitizer));
  set(machine, 'initialPassword', draft.password === undefined ? undefined : new Secret(draft.password));
  return machine;
}

function unreadableName(name: RawText | undefined): Omit<UnreadableMachine, 'id'> {
  if (name === undefined) return { problem: `its name is missing, or longer than ${longestName} characters` };
  return isUnprintable(name)
    ? { isNameUnprintable: true, problem: 'its name has characters that cannot be shown' }
    : { problem: 'its name quotes an API key or its own password' };
}

function finishRef(ref: RawRef | undefined, sanitizer: Sanitizer): CatalogRef | undefined {
  if (ref === undefined) return undefined;
  const name = sanitizer.shown(ref.name);
  return name === undefined ? { id: ref.id } : { id: ref.id, name };
}

function finishTask(task: MachineDraft['task'], sanitizer: Sanitizer): LastTask | undefined {
  // Letters beyond ASCII may become longer in lower case.
  const status = sanitizer.shown(task?.status)?.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (status === undefined) return undefined;
  const finished: Draft<LastTask> = { status };
  set(finished, 'id', task?.id);
  set(finished, 'name', sanitizer.shown(task?.name));
  set(finished, 'progress', sanitizer.shown(task?.progress));
  return finished;
}

export function decodeRegions(text: string, context: Context): readonly Region[] {
  return readCatalog(text, ['regions', 'region'], context, (wire, entry) => {
    const region: Draft<Region> = entry;
    set(region, 'packageIds', optionalIds(wire['package_ids']));
    return region;
  });
}

export function decodePackages(text: string, context: Context): readonly Package[] {
  return readCatalog(text, ['packages', 'package'], context, (wire, entry, sanitizer) => {
    const pack: Draft<Package> = entry;
    set(pack, 'prices', readPrices(wire, sanitizer));
    set(pack, 'osTemplateIds', optionalIds(wire['os_template_ids']));
    return pack;
  });
}

export function decodeOsTemplates(text: string, context: Context): readonly OsTemplate[] {
  return readCatalog(text, ['os_templates', 'os_template'], context, (_, entry) => entry);
}

const priceFields = (['month', 'hour'] as const).flatMap((per) =>
  (['EUR', 'GBP', 'USD'] as const).map((currency) => {
    return { per, currency, field: `price_${per}_${currency.toLowerCase()}` };
  }),
);
const decimal = /^\d{1,7}(?:\.\d{1,6})?$/;

function readPrices(wire: WireObject, sanitizer: Sanitizer): readonly Price[] | undefined {
  const prices = priceFields.flatMap(({ per, currency, field }) => {
    const text = rawText(wire[field]);
    const amount = text && sanitizer.exact(text);
    return amount !== undefined && decimal.test(amount) ? [{ amount, currency, per }] : [];
  });
  return prices.length === 0 ? undefined : prices;
}

type CatalogEntry = Draft<OsTemplate>;

/** An entry without a usable name can be chosen by its id, and doesn't affect the others. */
function readCatalog<T extends CatalogEntry>(
  text: string,
  [listName, wrapper]: readonly [string, string],
  { secrets }: Context,
  read: (wire: WireObject, entry: CatalogEntry, sanitizer: Sanitizer) => T,
): readonly T[] {
  const sanitizer = new Sanitizer(secrets);
  const entries = readEntries(text, [listName, 'data'], (item) => {
    const wire = unwrapItem(item, [wrapper]);
    const entry: CatalogEntry = { id: requiredId(wire['id'], `an entry of ${listName}`) };
    const name = rawText(wire['name']);
    set(entry, 'name', name && sanitizer.exact(name));
    return read(wire, entry, sanitizer);
  });
  return requireUniqueIds(entries);
}

/** The body of a create: booleans are always sent, SSH keys only if there are any. */
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

function readState(value: unknown): MachineState | undefined {
  if (typeof value !== 'string') return undefined;
  if (value.length > longestState) return 'Unknown';
  return stateBySpelling.get(value.trim().toLowerCase().replaceAll(/[_-]/g, ' ')) ?? 'Unknown';
}

function readTask(value: unknown): MachineDraft['task'] {
  if (!isRecord(value)) return undefined;
  const status = rawText(value['status']);
  const { id, name, progress } = value;
  return status && { id: optionalId(id), status, name: rawText(name), progress: readProgress(progress) };
}

/** Neither its kind nor its unit is documented. */
function readProgress(value: unknown): RawText | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.length <= longestProgress ? rawText(text) : undefined;
}

function readRef(idField: unknown, nameField: unknown): RawRef | undefined {
  const id = optionalId(idField);
  return id === undefined ? undefined : { id, name: rawText(nameField) };
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** A missing optional field is omitted instead of set to undefined. */
function set<T, K extends keyof T>(draft: Draft<T>, key: K, value: T[K] | undefined): void {
  if (value !== undefined) draft[key] = value;
}
