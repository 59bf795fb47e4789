import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { apiVersion, group, kind, plural, version } from '../src/api/v1alpha1/names.ts';
import type { PowerState, VirtualMachine } from '../src/api/v1alpha1/types.ts';
import { createTransport, type Call, type Transport } from '../src/kube/transport.ts';
import { systemClock } from '../src/model/clock.ts';

const spec = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
} as const;

/** Creates under way at once. */
const together = 16;

/** The objects of one namespace, with one request for each thing done: no discovery that would be measured along. */
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

  async create(names: readonly string[]): Promise<void> {
    for (let first = 0; first < names.length; first += together) {
      await Promise.all(names.slice(first, first + together).map((name) => this.#createOne(name)));
    }
  }

  async #createOne(name: string): Promise<void> {
    const body = JSON.stringify({ apiVersion, kind, metadata: { name, namespace: this.#namespace }, spec });
    await this.#send('create', { method: 'POST', path: this.#collection, contentType: 'application/json', body });
  }

  async setPower(name: string, powerState: PowerState): Promise<void> {
    const body = JSON.stringify({ spec: { powerState } });
    const path = `${this.#collection}/${name}`;
    await this.#send('patch', { method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  }

  async get(name: string): Promise<VirtualMachine> {
    // What the CRD promises, here and below.
    return (await this.#send('get', { method: 'GET', path: `${this.#collection}/${name}` })) as VirtualMachine;
  }

  async list(): Promise<readonly VirtualMachine[]> {
    const { items } = (await this.#send('list', { method: 'GET', path: this.#collection })) as {
      readonly items: readonly VirtualMachine[];
    };
    return items;
  }

  async deleteAll(): Promise<void> {
    await this.#api.deleteCollectionNamespacedCustomObject({ group, version, namespace: this.#namespace, plural });
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #send(verb: Call['verb'], request: Omit<Call, 'verb' | 'resource' | 'what'>): Promise<unknown> {
    const what = `${verb} ${request.path}`;
    const { status, body } = await this.#transport.exchange({ verb, resource: plural, what, ...request });
    if (status >= 300) throw new Error(`${what}: ${status} ${body}`);
    return JSON.parse(body);
  }
}

/** Whether the operator has nothing left to do for this object, as of its newest spec. */
export function isSettled({ metadata, spec: wanted, status }: VirtualMachine): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return (
    ready?.status === 'True' && ready.observedGeneration === metadata.generation && status?.state === wanted.powerState
  );
}
