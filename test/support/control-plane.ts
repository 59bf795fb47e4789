import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  ApiException,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  type KubernetesObject,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { apiVersion, kind, plural } from '../../src/api/v1alpha1/constants.ts';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { createTransport, type Transport } from '../../src/kubernetes/transport.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { missingFields } from '../../src/startup/preflight.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';

/** A VirtualMachine in a manifest: most of the spec has defaults. */
export interface Manifest {
  readonly name: string;
  readonly namespace: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface ListOf<T> {
  readonly items: readonly T[];
}

/** Every kind in our manifests forms its plural in the regular way. */
function pluralOf(singular: string): string {
  return `${singular.toLowerCase().replace(/y$/, 'ie')}s`;
}

function collectionOf(namespace: string): string {
  return `/apis/${apiVersion}/namespaces/${namespace}/${plural}`;
}

const root = path.join(import.meta.dirname, '../..');

/** What a user does in a cluster, in demo and tests: a client with the user's permissions, not the operator's. */
export class Cluster {
  readonly kubeconfig: string;
  readonly #config: KubeConfig;
  readonly #core: CoreV1Api;
  readonly #transport: Transport;

  constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
    this.#config = loadKubeConfig({ kubeconfig });
    this.#core = this.#config.makeApiClient(CoreV1Api);
    this.#transport = createTransport(this.#config, { clock: systemClock, version: 'user' });
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** A client that discovers resources again: one created before a CRD was applied does not know it. */
  get #objects(): KubernetesObjectApi {
    return KubernetesObjectApi.makeApiClient(this.#config);
  }

  /**
   * Server-side apply of the object as it is written. Not through client-node: its serializer renames fields, so that a
   * CRD applied by it comes out without its defaults.
   */
  async apply(
    object: KubernetesObject & { readonly [field: string]: unknown },
    { isDryRun = false }: { readonly isDryRun?: boolean } = {},
  ): Promise<void> {
    const { apiVersion: of, kind: what, metadata } = object;
    const collection = `${of === 'v1' ? '/api/v1' : `/apis/${of}`}${metadata?.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`}`;
    const answer = await this.#transport.exchange({
      verb: 'patch',
      resource: what ?? '',
      what: `apply ${what} ${metadata?.name}`,
      method: 'PATCH',
      path: `${collection}/${pluralOf(what ?? '')}/${metadata?.name}?fieldManager=user&force=true${isDryRun ? '&dryRun=All' : ''}`,
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify(object),
    });
    if (answer.status >= 300) throw new Error(`apply ${what} ${metadata?.name}: ${answer.status} ${answer.body}`);
  }

  /** Applies every object of YAML files below the project, in order; `choose` leaves some out. */
  async applyFiles(
    files: readonly string[],
    choose: (object: KubernetesObject) => boolean = () => true,
    namespace?: string,
  ): Promise<void> {
    for (const file of files) {
      for (const document of parseAllDocuments(readFileSync(path.join(root, file), 'utf8'))) {
        // Our own manifests: the API server would refuse an invalid object.
        const object = document.toJS() as (KubernetesObject & Record<string, unknown>) | null;
        if (object === null || !choose(object)) continue;
        await this.apply(namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } });
      }
    }
  }

  /** What an operator that runs as a process needs of the installation: its namespace, its service account and all that this may do. */
  async applyRights(): Promise<void> {
    const needed = new Set(['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']);
    await this.applyFiles(['deploy/manifests/install.yaml'], ({ kind: what }) => needed.has(what ?? ''));
  }

  /** Applies the CRD, by default the present one, and waits until the API server serves it, also in its OpenAPI document. */
  async applyCrd(file = 'crds/virtualmachines.vps247.com.yaml'): Promise<void> {
    await this.applyFiles([file]);
    await this.until('the API server serves VirtualMachines', async () => {
      try {
        await this.list('default');
        return missingFields(await this.#read(`/openapi/v3/apis/${apiVersion}`, 'openapi')) !== undefined;
      } catch {
        return false;
      }
    });
  }

  async createNamespace(name: string): Promise<void> {
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  async deleteNamespace(name: string): Promise<void> {
    await this.#core.deleteNamespace({ name });
  }

  async putSecret(
    namespace: string,
    apiKey: string,
    options: { readonly name?: string; readonly isLabeled?: boolean } = {},
  ): Promise<void> {
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: options.name ?? 'vps247-credentials',
        namespace,
        labels: { 'vps247.com/credentials': String(options.isLabeled ?? true) },
      },
      stringData: { 'api-key': apiKey },
    };
    await this.apply(object);
  }

  async create(manifest: Manifest): Promise<VirtualMachine> {
    const { name, namespace, spec, annotations } = manifest;
    const object = {
      apiVersion,
      kind,
      metadata: { name, namespace, ...(annotations === undefined ? {} : { annotations }) },
      spec,
    };
    return (await this.#objects.create(object)) as unknown as VirtualMachine; // what the CRD promises
  }

  async get(namespace: string, name: string): Promise<VirtualMachine | undefined> {
    const answer = await this.#read(`${collectionOf(namespace)}/${name}`, `get ${name}`);
    // What the CRD promises, here and below.
    return answer === undefined ? undefined : (answer as VirtualMachine);
  }

  async list(namespace: string): Promise<readonly VirtualMachine[]> {
    const answer = await this.#read(collectionOf(namespace), 'list');
    if (answer === undefined) throw new Error('list: VirtualMachines are not served');
    return (answer as ListOf<VirtualMachine>).items;
  }

  /** Deletes the Secrets that only VirtualMachines own that are gone, as the garbage collector would. */
  async deleteOrphanedSecrets(): Promise<void> {
    // The Secrets first: an object that owns one of these existed before it, and is listed below unless it is deleted.
    const secrets = await this.#read('/api/v1/secrets', 'list');
    const machines = await this.#read(`/apis/${apiVersion}/${plural}`, 'list');
    if (machines === undefined) return;
    // What the API server promises of a list.
    const there = new Set((machines as ListOf<KubernetesObject>).items.map(({ metadata }) => metadata?.uid));
    for (const { metadata } of (secrets as ListOf<KubernetesObject>).items) {
      const owners = metadata?.ownerReferences ?? [];
      const isOrphan = owners.every((owner) => owner.kind === kind && !there.has(owner.uid));
      if (owners.length === 0 || !isOrphan) continue;
      const { name = '', namespace = '', uid = '' } = metadata ?? {};
      await this.#core.deleteNamespacedSecret({ name, namespace, body: { preconditions: { uid } } });
    }
  }

  /** One request on a connection that is kept: tests poll with this. Undefined for a 404. */
  async #read(where: string, what: string): Promise<unknown> {
    const { status, body } = await this.#transport.exchange({
      verb: 'get',
      resource: plural,
      what,
      method: 'GET',
      path: where,
    });
    if (status === 404) return undefined;
    if (status >= 300) throw new Error(`${what}: ${status} ${body}`);
    return JSON.parse(body);
  }

  /** A merge patch of metadata and spec. */
  async patch(namespace: string, name: string, change: Readonly<Record<string, unknown>>): Promise<void> {
    const object = { apiVersion, kind, metadata: { name, namespace }, ...change };
    await this.#objects.patch(
      object as KubernetesObject,
      undefined,
      undefined,
      'user',
      undefined,
      PatchStrategy.MergePatch,
    );
  }

  /** A merge patch of a Lease's spec. */
  async patchLease(namespace: string, name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec };
    await this.#objects.patch(lease, undefined, undefined, 'user', undefined, PatchStrategy.MergePatch);
  }

  async delete(namespace: string, name: string): Promise<void> {
    await this.#objects.delete({ apiVersion, kind, metadata: { name, namespace } } as KubernetesObject);
  }

  /** Deletes any object; its dependents are the garbage collector's. */
  async remove(object: KubernetesObject): Promise<void> {
    await this.#objects.delete(object);
  }

  async read(object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }) {
    try {
      return await this.#objects.read(object as KubernetesObject & typeof object);
    } catch (error) {
      if (error instanceof ApiException && error.code === 404) return undefined;
      throw error;
    }
  }

  /** A kubeconfig file in `directory` that has exactly the permissions of the service account, by default for an hour. */
  async kubeconfigOfServiceAccount(
    namespace: string,
    name: string,
    directory: string,
    expirationSeconds = 3600,
  ): Promise<string> {
    const answer = await this.#core.createNamespacedServiceAccountToken({
      name,
      namespace,
      body: { spec: { audiences: [], expirationSeconds } },
    });
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null || answer.status === undefined)
      throw new Error(`no token for service account ${namespace}/${name}`);
    const config = new KubeConfig();
    const { token = '' } = answer.status;
    config.loadFromClusterAndUser(cluster, { name, token });
    mkdirSync(directory, { recursive: true });
    const file = path.join(directory, 'operator.kubeconfig');
    writeFileSync(file, config.exportConfig(), { mode: 0o600 });
    return file;
  }

  /** Polls until `isTrue`; rejects after `timeout` milliseconds with what was waited for. */
  async until(what: string, isTrue: () => Promise<boolean>, timeout = 120_000): Promise<void> {
    const deadline = performance.now() + timeout;
    while (!(await isTrue())) {
      if (performance.now() > deadline) throw new Error(`waited ${timeout / 1000} s in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The object's Ready condition as `status/reason`, such as `True/Available`; `-` before there is one. */
export function readiness(object: VirtualMachine | undefined): string {
  const ready = object?.status?.conditions?.find((condition) => condition.type === 'Ready');
  return ready === undefined ? '-' : `${ready.status}/${ready.reason}`;
}
