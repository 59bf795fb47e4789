/**
 * Creates a fleet before the operator starts: VMs at the provider, and objects with the status that the operator wrote
 * for a sample object. Ten thousand creates through the operator would take longer than all measurements.
 */
import { keyText, providerName, writeHint } from '../src/api/v1alpha1/identity.ts';
import { annotations } from '../src/api/v1alpha1/constants.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../src/api/v1alpha1/types.ts';
import { Secret } from '../src/domain/secret.ts';
import { keyedHash } from '../src/provider/account/account-registry.ts';
import type { EmulatorProcess, ListedMachine } from './emulator.ts';
import type { Fleet } from './fleet.ts';
import { inParallel } from './parallel.ts';

/** An object and its VM. */
export interface Pair {
  readonly object: Pick<VirtualMachine, 'metadata'>;
  readonly machine: ListedMachine;
}

/** The limit of concurrent requests. */
const together = 24;

/**
 * Creates the objects of these names, each with a running VM. `pilot` is an object that the operator created and
 * brought in sync: with three requests each, the others become like it, including finalizer and annotation.
 */
export async function seed(
  fleet: Fleet,
  emulator: EmulatorProcess,
  names: readonly string[],
  pilot: VirtualMachine,
  apiKey: string,
): Promise<void> {
  const objects = await inParallel(names, together, (name) => fleet.create(name, { hasFinalizer: true }));
  const ids = await inParallel(objects, together, (object) => emulator.place(providerName(object)));
  const listed = new Map((await emulator.machines()).map((machine) => [machine.id, machine]));
  const model = pairOf(pilot, pilot.status?.id, listed);
  const pairs = objects.map((object, index) => pairOf(object, ids[index], listed));
  await inParallel(pairs, together, async ({ object, machine }) => {
    const { name } = object.metadata;
    const record = {
      id: machine.id,
      origin: 'Created',
      name: machine.name,
      ownerId: pilot.status?.ownerId ?? 1,
    } as const;
    await fleet.annotate(name, { [annotations.machine]: writeHint({ ...pilot, ...object }, record) });
    const apiKeyHash = keyedHash(new Secret(apiKey), keyText(object.metadata));
    const status = statusLike(pilot.status, model, { object, machine });
    await fleet.setStatus(name, { ...status, internal: { ...status.internal, apiKeyHash } });
  });
}

function pairOf(object: VirtualMachine, id: number | undefined, listed: ReadonlyMap<number, ListedMachine>): Pair {
  const machine = id === undefined ? undefined : listed.get(id);
  if (machine === undefined) throw new Error(`the provider does not list the machine of ${object.metadata.name}`);
  return { object, machine };
}

/** The status of `from`, rewritten for `to`: ids, names, addresses and times are replaced. Pure. */
export function statusLike(status: VirtualMachineStatus | undefined, from: Pair, to: Pair): VirtualMachineStatus {
  if (status === undefined) throw new Error('the model has no status');
  const words = new Map(wordsOf(from).map((word, index) => [word, wordsOf(to)[index] ?? '']));
  const pattern = new RegExp(
    // The longest first: an object's name is the prefix of its VM's name.
    [...words.keys()]
      .toSorted((a, b) => b.length - a.length)
      .map((word) => `(?<![\\w.:/-])${word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\d.:])`)
      .join('|'),
    'g',
  );
  const translate = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replaceAll(pattern, (word) => words.get(word) ?? word);
    if (Array.isArray(value)) return value.map(translate);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, translate(inner)]));
  };
  // `as`: replacing words in a status keeps its type.
  const { id, virtual_machine_disk_ids: diskIds } = to.machine;
  return { ...(translate(status) as VirtualMachineStatus), id, diskIds };
}

/** The values that are unique for each VM, in the same order. */
function wordsOf({ object, machine }: Pair): readonly string[] {
  return [
    machine.name,
    object.metadata.name,
    object.metadata.uid,
    String(machine.id),
    machine.created_at,
    ...machine.ip_allocations.map(({ first }) => first),
  ];
}
