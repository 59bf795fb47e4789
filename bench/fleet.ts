import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { apiVersion, finalizer, group, kind, plural, version } from '../src/api/v1alpha1/constants.ts';
import type { PowerState, VirtualMachine, VirtualMachineStatus } from '../src/api/v1alpha1/types.ts';
import { createTransport, type Transport } from '../src/kubernetes/transport.ts';
import { systemClock } from '../src/domain/clock.ts';

const spec = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
} as const;

/** The page size of the reflector, so that a plain list is comparable. */
const pageSize = 500;

/** How an object is created; excluded from all measurements. */
export interface Made {
  /** The label to find it again. */
  readonly label?: string;
  /** Whether the initial password is not to be written into a Secret. */
  readonly isWithoutPassword?: boolean;
  /** Whether the object starts as if the operator had recorded its VM already. */
  readonly hasFinalizer?: boolean;
  /** The Secret that it refers to, if not the default one. */
  readonly secret?: string;
}

interface Request {
  readonly verb: 'create' | 'patch' | 'get' | 'list';
  readonly method: 'POST' | 'PATCH' | 'GET';
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

/**
 * The objects of one namespace, with one request for each operation, and without discovery, which would be measured
 * too.
 */
export class Fleet {
  readonly #namespace: string;
  readonly #collection: string;
  readonly #transport: Transport;
  readonly #api: CustomObjectsApi;

  constructor(kubeconfig: string, namespace: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    this.#namespace = namespace;
    this.#collection = `/apis/${apiVersion}/namespaces/${namespace}/${plural}`;
    this.#transport = createTransport(config, { clock: systemClock, version: 'bench' });
    this.#api = config.makeApiClient(CustomObjectsApi);
  }

  async create(name: string, { label, isWithoutPassword, hasFinalizer, secret }: Made = {}): Promise<VirtualMachine> {
    const metadata = {
      name,
      namespace: this.#namespace,
      ...(label === undefined ? {} : { labels: { bench: label } }),
      ...(hasFinalizer === true ? { finalizers: [finalizer] } : {}),
    };
    const wanted = {
      ...spec,
      ...(isWithoutPassword === true ? { initialPasswordSecret: { policy: 'None' } } : {}),
      ...(secret === undefined ? {} : { credentialsSecretRef: { name: secret } }),
    };
    const body = JSON.stringify({ apiVersion, kind, metadata, spec: wanted });
    const path = this.#collection;
    // `as`: guaranteed by the CRD, here and below.
    return (await this.#send({
      verb: 'create',
      method: 'POST',
      path,
      contentType: 'application/json',
      body,
    })) as VirtualMachine;
  }

  /** Creates an object that costs the API server as much as `object`: with its finalizers, annotations, status and managers. */
  async createLike({ metadata, status }: VirtualMachine): Promise<void> {
    const { name, annotations = {}, finalizers = [] } = metadata;
    await this.create(name, { hasFinalizer: finalizers.length > 0 });
    await this.annotate(name, annotations);
    if (status !== undefined) await this.setStatus(name, status);
  }

  async setPower(name: string, powerState: PowerState): Promise<void> {
    await this.#patch(name, { spec: { powerState } });
  }

  async annotate(name: string, annotations: Readonly<Record<string, string>>): Promise<void> {
    await this.#patch(name, { metadata: { annotations } });
  }

  async setStatus(name: string, status: VirtualMachineStatus): Promise<void> {
    await this.#patch(`${name}/status`, { status });
  }

  async get(name: string): Promise<VirtualMachine> {
    return (await this.#send({ verb: 'get', method: 'GET', path: `${this.#collection}/${name}` })) as VirtualMachine;
  }

  /** The objects with the label, or all, page by page. */
  async list(label?: string): Promise<readonly VirtualMachine[]> {
    const items: VirtualMachine[] = [];
    let next: string | undefined = '';
    while (next !== undefined) {
      const query = new URLSearchParams({
        limit: String(pageSize),
        ...(next === '' ? {} : { continue: next }),
        ...(label === undefined ? {} : { labelSelector: `bench=${label}` }),
      });
      const page = (await this.#send({ verb: 'list', method: 'GET', path: `${this.#collection}?${query}` })) as {
        readonly items: readonly VirtualMachine[];
        readonly metadata: { readonly continue?: string };
      };
      items.push(...page.items);
      next = page.metadata.continue || undefined;
    }
    return items;
  }

  /** Resolves when the API server has answered the smallest list. */
  async listOne(): Promise<void> {
    await this.#send({ verb: 'list', method: 'GET', path: `${this.#collection}?limit=1` });
  }

  async deleteAll(label: string): Promise<void> {
    const labelSelector = `bench=${label}`;
    const namespace = this.#namespace;
    await this.#api.deleteCollectionNamespacedCustomObject({ group, version, namespace, plural, labelSelector });
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #patch(where: string, change: unknown): Promise<void> {
    const body = JSON.stringify(change);
    const path = `${this.#collection}/${where}`;
    await this.#send({ verb: 'patch', method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  }

  async #send(request: Request): Promise<unknown> {
    const what = `${request.verb} ${request.path}`;
    const { status, body } = await this.#transport.exchange({ resource: plural, what, ...request });
    if (status >= 300) throw new Error(`${what}: ${status} ${body}`);
    return JSON.parse(body);
  }
}

/** Whether the object is in sync with its newest spec. */
export function isSettled({ metadata, spec: wanted, status }: VirtualMachine): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return (
    ready?.status === 'True' && ready.observedGeneration === metadata.generation && status?.state === wanted.powerState
  );
}
