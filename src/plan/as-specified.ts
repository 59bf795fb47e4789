import { patchSpec } from '../api/v1alpha1/commands.ts';
import type {
  CatalogSelector,
  CatalogStatus,
  CreationOptions,
  VirtualMachine,
  VirtualMachineStatus,
} from '../api/v1alpha1/types.ts';
import type { CatalogRef, Machine } from '../domain/machine.ts';
import { cutToBytes, quoted } from '../domain/text.ts';

const fields = ['region', 'package', 'osTemplate'] as const;
type Field = (typeof fields)[number];

const options = ['ipv6', 'privateNetworking', 'sshKeyIds'] as const satisfies readonly (keyof CreationOptions)[];

/**
 * Bytes for the differences when the command takes most of the message: a condition holds 1024, and a truncated command
 * is useless.
 */
const longest = 850;
const minFacts = 100;

/** The known properties of a VM that can be compared with a spec. */
export type Actual = { readonly [F in Field | keyof CreationOptions]?: VirtualMachineStatus[F] | undefined };

/** What is known of a VM by what is seen and what is on record; only its record has what it was created with. */
export function actualOf(seen: Partial<Machine> | undefined, record: Actual = {}): Actual {
  const { ipv6, privateNetworking, sshKeyIds } = record;
  return {
    region: entry(seen?.region, record.region),
    package: entry(seen?.package, record.package),
    osTemplate: entry(seen?.osTemplate, record.osTemplate),
    ipv6,
    privateNetworking,
    sshKeyIds,
  };
}

/** Names only as the provider reports them: where an answer lacks one, the name that an earlier answer had with this id. */
function entry(seen: CatalogRef | undefined, before: CatalogStatus | undefined): CatalogStatus | undefined {
  if (seen === undefined) return before;
  const name = seen.name ?? (before?.id === seen.id ? before.name : undefined);
  return name === undefined ? { id: seen.id } : { id: seen.id, name };
}

/** A field in which a VM is known to differ from the spec. */
export interface Difference {
  readonly field: Field;
  readonly wanted: CatalogSelector;
  readonly seen: CatalogStatus;
}

/** Whether a VM matches the spec, as far as that is known. `Unknown`: the provider doesn't report enough to compare. */
export interface Comparison {
  readonly result: 'Same' | 'Different' | 'Unknown';
  /** The result as a sentence; for `Different` with the command that corrects the spec. */
  readonly message: string;
}

/**
 * Compares ids where the spec has an id, and names where the provider reports one; nothing else can be compared. Pure.
 *
 * | spec | VM               | field     |
 * | ---- | ---------------- | --------- |
 * | none |                  | same      |
 * | any  | nothing reported | unknown   |
 * | id   | id               | compared  |
 * | name | id and name      | compared  |
 * | name | id               | unknown   |
 *
 * What a VM was created with is compared where it is on record, and else not claimed: the provider doesn't report it.
 */
export function compareWithSpec(
  { spec, metadata }: VirtualMachine,
  id: number | undefined,
  actual: Actual,
): Comparison {
  if (id === undefined) return { result: 'Unknown', message: 'the object has no VM' };
  const different = differencesFrom(spec, actual);
  const otherOptions = options.filter((option) => isOther(spec[option], actual[option]));
  if (different.length > 0 || otherOptions.length > 0) {
    const facts = [
      ...different.map(({ field, wanted, seen }) => `${field} is ${describe(seen)}, the spec says ${describe(wanted)}`),
      ...(otherOptions.length === 0
        ? []
        : [`it was created with another ${otherOptions.join(', ')} than the spec says`]),
    ];
    const truth = Object.fromEntries([
      ...different.map(({ field, seen }) => [field, { id: seen.id, name: null }] as const),
      ...otherOptions.map((option) => [option, actual[option]] as const),
    ]);
    const command = patchSpec(metadata, truth);
    const differencesText = cutToBytes(facts.join('; '), Math.max(minFacts, longest - Buffer.byteLength(command)));
    return { result: 'Different', message: `VM ${id}: ${differencesText}. To correct the spec: ${command}` };
  }
  const unknown = fields.filter((field) => compare(spec[field], actual[field]) === 'Unknown');
  return unknown.length > 0
    ? {
        result: 'Unknown',
        message: `the provider does not report enough of VM ${id} to compare its ${unknown.join(', ')}`,
      }
    : { result: 'Same', message: describeSame(id, spec) };
}

const words = { region: 'region', package: 'package', osTemplate: 'template' } as const;

/** An object that adopts a VM may name none of them. */
function describeSame(id: number, spec: VirtualMachine['spec']): string {
  const named = fields.filter((field) => spec[field] !== undefined).map((field) => words[field]);
  if (named.length === 0) return `the spec names no region, package or template, so VM ${id} can't differ from it`;
  const [last, ...others] = named.toReversed();
  const list = others.length === 0 ? last : `${others.toReversed().join(', ')} and ${last}`;
  return `VM ${id} has the ${list} of the spec`;
}

/** SSH keys are a set. */
function isOther(wanted: boolean | readonly number[], seen: boolean | readonly number[] | undefined): boolean {
  if (seen === undefined) return false;
  if (typeof wanted === 'boolean' || typeof seen === 'boolean') return wanted !== seen;
  return wanted.length !== seen.length || wanted.some((id) => !seen.includes(id));
}

/** The fields that are known to differ. */
export function differencesFrom(spec: VirtualMachine['spec'], actual: Actual): readonly Difference[] {
  return fields.flatMap((field) => {
    const [wanted, seen] = [spec[field], actual[field]];
    const isDifferent = wanted !== undefined && seen !== undefined && compare(wanted, seen) === 'Different';
    return isDifferent ? [{ field, wanted, seen }] : [];
  });
}

function compare(wanted: CatalogSelector | undefined, seen: CatalogStatus | undefined): Comparison['result'] {
  if (wanted === undefined) return 'Same';
  if (seen === undefined) return 'Unknown';
  if ('id' in wanted) return wanted.id === seen.id ? 'Same' : 'Different';
  if (seen.name === undefined) return 'Unknown';
  return wanted.name === seen.name ? 'Same' : 'Different';
}

function describe(ref: Partial<{ id: number; name: string }>): string {
  const { id, name } = ref;
  if (name === undefined) return `id ${id}`;
  return id === undefined ? quoted(name) : `${quoted(name)} (id ${id})`;
}
