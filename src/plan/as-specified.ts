import { patchSpec } from '../api/v1alpha1/commands.ts';
import type {
  CatalogueSelector,
  CatalogueStatus,
  VirtualMachine,
  VirtualMachineStatus,
} from '../api/v1alpha1/types.ts';

const fields = ['region', 'package', 'osTemplate'] as const;
type Field = (typeof fields)[number];

/** What is known of a VM, as far as it can be compared with a spec. */
export type Actual = { readonly [F in Field]?: VirtualMachineStatus[F] | undefined };

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
  const compared = fields.map((field) => ({ field, wanted: spec[field], seen: actual[field] }));
  const different = compared.filter(({ wanted, seen }) => compare(wanted, seen) === 'Different');
  if (different.length > 0) {
    const facts = different.map(
      ({ field, wanted, seen }) => `${field} is ${describe(seen)}, the spec says ${describe(wanted)}`,
    );
    const truth = Object.fromEntries(different.map(({ field, seen }) => [field, { id: seen?.id, name: null }]));
    const command = patchSpec(metadata, truth);
    return { result: 'Different', message: `VM ${id}: ${facts.join('; ')}. To correct the spec: ${command}` };
  }
  const unknown = compared.filter(({ wanted, seen }) => compare(wanted, seen) === 'Unknown').map(({ field }) => field);
  return unknown.length > 0
    ? {
        result: 'Unknown',
        message: `the provider does not report enough of VM ${id} to compare its ${unknown.join(', ')}`,
      }
    : { result: 'Same', message: `VM ${id} has the region, package and template of the spec` };
}

function compare(wanted: CatalogueSelector | undefined, seen: CatalogueStatus | undefined): Comparison['result'] {
  if (wanted === undefined) return 'Same';
  if (seen === undefined) return 'Unknown';
  if ('id' in wanted) return wanted.id === seen.id ? 'Same' : 'Different';
  if (seen.name === undefined) return 'Unknown';
  return wanted.name === seen.name ? 'Same' : 'Different';
}

function describe(ref: Partial<{ id: number; name: string }> | undefined): string {
  const { id, name } = ref ?? {};
  if (name === undefined) return `id ${id}`;
  return id === undefined ? JSON.stringify(name) : `${JSON.stringify(name)} (id ${id})`;
}
