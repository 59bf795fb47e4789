import { afterEach, expect } from 'vitest';
import type { VirtualMachineSpec } from '../../../src/api/v1alpha1/types.ts';
import type { Machine } from '../../../src/domain/machine.ts';
import type { Stored } from './stored.ts';

const namespaces = ['bystanders', 'neighbors'] as const;

/** What belongs to it is there in every world, stays in sync, and is not what a test is about. */
export function isBystander(namespace: string): boolean {
  return namespaces.some((one) => one === namespace);
}

/** A separate account. The neighbors have another key of the account that most tests use. */
const bystandersOwner = 9_001;
const keyOf = { bystanders: `owner-${bystandersOwner}-bystanders`, neighbors: 'owner-1-neighbors' } as const;

export function isBystandersKey(apiKey: string): boolean {
  return Object.values(keyOf).some((key) => key === apiKey);
}

interface Bystander {
  readonly namespace: (typeof namespaces)[number];
  /** Names that tests use too. */
  readonly name: string;
  readonly spec?: Partial<VirtualMachineSpec>;
  readonly isDeleted?: boolean;
}

export const bystanders: readonly Bystander[] = [
  { namespace: 'bystanders', name: 'web' },
  { namespace: 'bystanders', name: 'db', spec: { providerName: 'site', powerState: 'Halted' } },
  { namespace: 'bystanders', name: 'kept', spec: { deletionProtection: true }, isDeleted: true },
  { namespace: 'neighbors', name: 'web' },
];

/** Bystanders in sync, as an operator left them. */
export interface Settled {
  readonly objects: readonly Stored[];
  readonly machines: readonly Machine[];
}

export const uidOf = (index: number): string => `b${String(index).padStart(7, '0')}-0000-4000-8000-000000000000`;

function secretOf(namespace: Bystander['namespace']): Stored {
  const labels = { 'vps247.com/credentials': 'true' };
  return {
    metadata: { namespace, name: 'vps247-credentials', labels, uid: uidOf(namespaces.indexOf(namespace) + 100) },
    type: 'Opaque',
    data: { 'api-key': Buffer.from(keyOf[namespace]).toString('base64') },
  };
}

export const bystanderSecrets: readonly Stored[] = namespaces.map(secretOf);

const checks = new Set<() => void>();

/** Has this hold at the end of the test, whatever the test itself looks at. */
export function expectAtTheEnd(check: () => void): void {
  checks.add(check);
}

afterEach(() => {
  const due = [...checks];
  checks.clear();
  for (const check of due) check();
});

/** Objects and VMs of bystanders are at the end of the test as they were. */
export function expectUntouched(
  cluster: { stored(plural: string, isWanted: (namespace: string) => boolean): readonly Stored[] },
  provider: { readonly bystanders: readonly Machine[]; readonly bystanderChanges: readonly string[] },
  { objects, machines }: Settled,
): void {
  expectAtTheEnd(() => {
    const comparable = cluster.stored('virtualmachines', isBystander).map(withoutVersion);
    expect(comparable, 'objects of bystanders').toEqual(objects.map(withoutVersion));
    expect(provider.bystanders, 'VMs of bystanders').toEqual(machines);
    expect(provider.bystanderChanges, 'calls that would change a VM of a bystander').toEqual([]);
  });
}

/** Worlds number their versions differently. */
function withoutVersion({ metadata, ...rest }: Stored): Stored {
  return { ...rest, metadata: { ...metadata, resourceVersion: undefined } };
}
