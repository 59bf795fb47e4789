import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Cluster } from '../../support/control-plane.ts';
import { apiVersion, kind } from '../../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { Emulator } from '../../../emulator/emulator.ts';
import type { FaultAction } from '../../../emulator/fault-rule.ts';
import type { Operation } from '../../../emulator/operations.ts';
import { keyMarker } from '../../secrets/markers.ts';
import type { Site } from '../operator/site.ts';
import { spec } from '../operator/fixture.ts';

interface More {
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A namespace with a separate account, in which the object `web` comes to show a reason. */
export class Place {
  readonly namespace: string;
  readonly ownerId: number;
  readonly apiKey: string;
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  readonly #site: Site;
  readonly #isShared: boolean;
  readonly #uids: string[] = [];

  /** `isShared`: the account has VMs of other namespaces, too. */
  constructor(site: Site, emulator: Emulator, namespace: string, account: { ownerId: number; isShared: boolean }) {
    this.#site = site;
    this.#isShared = account.isShared;
    this.cluster = site.cluster;
    this.emulator = emulator;
    this.namespace = namespace;
    this.ownerId = account.ownerId;
    this.apiKey = keyOf(account.ownerId);
  }

  async create(name: string, wanted: Readonly<Record<string, unknown>> = {}, more: More = {}): Promise<void> {
    const manifest = { name, namespace: this.namespace, spec: { ...spec, ...wanted }, ...more };
    this.#uids.push((await this.cluster.create(manifest)).metadata.uid);
  }

  /** Runs what a user pastes into a shell. */
  sh(command: string): Promise<string> {
    return this.#site.sh(command);
  }

  async change(wanted: Readonly<Record<string, unknown>>): Promise<void> {
    await this.cluster.patch(this.namespace, 'web', { spec: wanted });
  }

  async annotate(annotations: Readonly<Record<string, string | null>>): Promise<void> {
    await this.cluster.patch(this.namespace, 'web', {
      metadata: { namespace: this.namespace, name: 'web', annotations },
    });
  }

  async remove(): Promise<void> {
    await this.cluster.delete(this.namespace, 'web');
  }

  async putKey(apiKey: string): Promise<void> {
    await this.cluster.putSecret(this.namespace, apiKey);
  }

  object(name = 'web'): Promise<VirtualMachine | undefined> {
    return this.cluster.get(this.namespace, name);
  }

  /** Waits until Ready is `status/reason`; answers the VM's id. */
  async until(expected: string, name = 'web'): Promise<number> {
    let id = 0;
    await this.watch(`${name} is ${expected}`, async () => {
      const { status } = (await this.object(name)) ?? {};
      id = status?.id ?? 0;
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return `${ready?.status}/${ready?.reason}` === expected;
    });
    return id;
  }

  /** Polls calmly: many do so at the same time. */
  async watch(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    await this.cluster.until(`${this.namespace}: ${what}`, async () => {
      if (await isTrue()) return true;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return false;
    });
  }

  /** A VM of this account that no object created; answers its id. */
  plant(name: string, state: 'running' | 'halted' = 'running'): number {
    return this.emulator.panel.create({ ownerId: this.ownerId, name, state });
  }

  refuseCreate(status: number): void {
    this.emulator.addFault({
      operation: 'CreateMachine',
      key: this.apiKey,
      when: 'instead',
      action: { kind: 'status', status, body: { error: 'no' } },
    });
  }

  /** From now on, what the account gets instead of every answer, or of those to this operation. */
  answerWith(action: FaultAction, operation?: Operation): void {
    const rule = { key: this.apiKey, when: 'before', action, times: 'always' } as const;
    this.emulator.addFault(operation === undefined ? rule : { ...rule, operation });
  }

  /** Has an admission policy refuse what the operator writes into Secrets. */
  async refuseSecrets(): Promise<void> {
    const admission = 'admissionregistration.k8s.io/v1';
    const metadata = { name: `no-secrets.${this.namespace}` };
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] };
    await this.cluster.apply({
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': this.namespace } },
          resourceRules: [rule],
        },
        validations: [{ expression: '!has(object.metadata.annotations)', message: 'no Secrets here' }],
      },
    });
    await this.cluster.apply({
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: metadata.name, validationActions: ['Deny'] },
    });
    let probes = 0;
    await this.watch('the policy refuses Secrets', () => {
      // Each with its own name: to apply one that exists is an UPDATE, which the policy permits.
      const probe = { name: `probe-${(probes += 1)}`, namespace: this.namespace, annotations: { a: 'b' } };
      return this.cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata: probe }).then(
        () => false,
        () => true,
      );
    });
  }

  /** The names of the account's VMs. */
  vms(): readonly string[] {
    return this.emulator
      .machines()
      .filter(({ ownerId }) => ownerId === this.ownerId)
      .map(({ name }) => name)
      .filter((name) => !this.#isShared || this.#uids.some((uid) => name.endsWith(uid.slice(0, 8))));
  }
}

export function keyOf(ownerId: number): string {
  return `${keyMarker}remedy-${ownerId}`;
}

/** The CRD of a time when the API server took any spec, as YAML. */
export function permissiveCrd(): string {
  const file = join(import.meta.dirname, '../../../crds/virtualmachines.vps247.com.yaml');
  const crd = parse(readFileSync(file, 'utf8')) as { readonly spec: { readonly versions: readonly Version[] } };
  for (const version of crd.spec.versions) {
    const schema = version.schema.openAPIV3Schema;
    schema.properties.spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    // They are about fields that this schema doesn't know.
    delete schema['x-kubernetes-validations'];
    delete version.selectableFields;
  }
  return stringify(crd);
}

interface Version {
  readonly schema: {
    readonly openAPIV3Schema: {
      readonly properties: Record<string, object>;
      'x-kubernetes-validations'?: unknown;
    };
  };
  selectableFields?: unknown;
}

/** Has the API server store an object whatever its spec says, while it serves the permissive CRD. */
export async function store(
  cluster: Cluster,
  metadata: { readonly name: string; readonly namespace: string; readonly finalizers?: string[] },
  stored: object,
): Promise<void> {
  await cluster.apply({ apiVersion, kind, metadata, spec: stored });
}

/**
 * Waits until the API server serves the present CRD again: it refuses what the permissive one allowed. Nothing is
 * stored, because an object that is stored may keep an invalid field.
 */
export async function presentCrd(cluster: Cluster): Promise<void> {
  await cluster.applyCrd();
  const metadata = { name: 'probe', namespace: 'default' };
  const probe = { apiVersion, kind, metadata, spec: { ...spec, powerState: 'Other' } };
  await cluster.until('the API server knows the present schema', () =>
    cluster.apply(probe, { isDryRun: true }).then(
      () => false,
      () => true,
    ),
  );
}
