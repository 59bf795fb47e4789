import { patchSpec } from '../api/v1alpha1/commands.ts';
import type {
  CatalogueSelector,
  CatalogueStatus,
  VirtualMachine,
  VirtualMachineStatus,
} from '../api/v1alpha1/types.ts';
import { quoted } from '../model/text.ts';

const fields = ['region', 'package', 'osTemplate'] as const;
type Field = (typeof fields)[number];

/** What is known of a VM, as far as it can be compared with a spec. */
export type Actual = { readonly [F in Field]?: VirtualMachineStatus[F] | undefined };

/** A field in which a VM is known to differ from the spec. */
export interface Difference {
  readonly field: Field;
  readonly wanted: CatalogueSelector;
  readonly seen: CatalogueStatus;
}

/** Whether a VM has the region, package and template of the spec. `Unknown`: the provider has not reported what it takes to tell. */
export interface Comparison {
  readonly result: 'Same' | 'Different' | 'Unknown';
  /** The result as a sentence; for `Different` with the command that corrects the spec. */
  readonly message: string;
}

/**
 * Compares ids where the spec has an id, and names where the provider reports one; nothing else can be claimed. Pure.
 *
 * | spec | VM               | field     |
 * | ---- | ---------------- | --------- |
 * | none |                  | same      |
 * | any  | nothing reported | unknown   |
 * | id   | id               | compared  |
 * | name | id and name      | compared  |
 * | name | id               | unknown   |
 */
export function compareWithSpec(
  { spec, metadata }: VirtualMachine,
  id: number | undefined,
  actual: Actual,
): Comparison {
  if (id === undefined) return { result: 'Unknown', message: 'the object has no VM' };
  const different = differencesFrom(spec, actual);
  if (different.length > 0) {
    const facts = different.map(
      ({ field, wanted, seen }) => `${field} is ${describe(seen)}, the spec says ${describe(wanted)}`,
    );
    const truth = Object.fromEntries(different.map(({ field, seen }) => [field, { id: seen.id, name: null }]));
    const command = patchSpec(metadata, truth);
    return { result: 'Different', message: `VM ${id}: ${facts.join('; ')}. To correct the spec: ${command}` };
  }
  const unknown = fields.filter((field) => compare(spec[field], actual[field]) === 'Unknown');
  return unknown.length > 0
    ? {
        result: 'Unknown',
        message: `the provider does not report enough of VM ${id} to compare its ${unknown.join(', ')}`,
      }
    : { result: 'Same', message: `VM ${id} has the region, package and template of the spec` };
}

/** The fields that are known to differ. */
export function differencesFrom(spec: VirtualMachine['spec'], actual: Actual): readonly Difference[] {
  return fields.flatMap((field) => {
    const [wanted, seen] = [spec[field], actual[field]];
    const isDifferent = wanted !== undefined && seen !== undefined && compare(wanted, seen) === 'Different';
    return isDifferent ? [{ field, wanted, seen }] : [];
  });
}

function compare(wanted: CatalogueSelector | undefined, seen: CatalogueStatus | undefined): Comparison['result'] {
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
