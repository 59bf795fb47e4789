import type { OperatorSettings } from '../../../src/config/settings.ts';
import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { Condition, VirtualMachine, VirtualMachineSpec } from '../../../src/api/v1alpha1/types.ts';
import { usualSpec } from './operator.ts';
import { createWorld, type World } from './world.ts';

/** One namespace, with its own key to an account at the provider, and what its tenant may do there. */
export interface Tenant {
  readonly namespace: string;
  apply(
    name: string,
    spec?: Partial<VirtualMachineSpec>,
    metadata?: {
      readonly annotations?: Readonly<Record<string, string>>;
      readonly labels?: Readonly<Record<string, string>>;
      readonly creationTimestamp?: string;
    },
  ): void;
  /** The `machine` annotation as an object could have it that the operator wrote it for. */
  claim(name: string, id: number, vmName: string): void;
  annotate(name: string, values: Readonly<Record<string, string | null>>): void;
  change(name: string, spec: Readonly<Record<string, unknown>>): void;
  delete(name: string): void;
  object(name: string): VirtualMachine | undefined;
  condition(name: string, type?: Condition['type']): Condition | undefined;
  /** Names of the Secrets that the operator created in the namespace. */
  readonly secrets: readonly string[];
}

export interface TenantWorld extends World {
  /** `key`: of that owner's account. Two of one owner are two keys. Undefined: the namespace has no Secret. */
  tenant(namespace: string, key: { readonly ownerId: number; readonly name?: string } | undefined): Tenant;
}

export async function createTenantWorld(settings: Partial<OperatorSettings> = {}): Promise<TenantWorld> {
  const world = await createWorld(settings);
  const { cluster } = world;
  return {
    ...world,
    tenant(namespace, key) {
      if (key !== undefined) {
        const text = `owner-${key.ownerId}-${key.name ?? namespace}`;
        const data = { 'api-key': Buffer.from(text).toString('base64') };
        const metadata = { namespace, name: 'vps247-credentials', labels: { watched: 'true' } };
        cluster.put('secrets', { metadata, data });
      }
      const annotate = (name: string, values: Readonly<Record<string, string | null>>): void =>
        cluster.change(name, { metadata: { annotations: values } }, namespace);
      return {
        namespace,
        apply: (name, spec = {}, metadata = {}) =>
          cluster.put('virtualmachines', {
            metadata: { namespace, name, ...metadata },
            spec: { ...usualSpec, ...spec },
            status: { observedGeneration: -1 },
          }),
        claim: (name, id, vmName) => {
          const { uid } = cluster.machine(name, namespace)?.metadata ?? {};
          annotate(name, { [annotations.machine]: JSON.stringify({ id, uid, name: vmName }) });
        },
        annotate,
        change: (name, spec) => cluster.change(name, { spec }, namespace),
        delete: (name) => cluster.remove('virtualmachines', name, namespace),
        object: (name) => cluster.machine(name, namespace),
        condition: (name, type = 'Ready') =>
          cluster.machine(name, namespace)?.status?.conditions?.find((one) => one.type === type),
        get secrets() {
          return cluster.created.flatMap(({ plural, namespace: where, body }) =>
            plural === 'secrets' && where === namespace
              ? [(body as { readonly metadata: { readonly name: string } }).metadata.name]
              : [],
          );
        },
      };
    },
  };
}
