/** What one write of an object costs API server and etcd, compared with one of a plain custom resource. */
import { KubeConfig } from '@kubernetes/client-node';
import { apiVersion, kind, plural } from '../src/api/v1alpha1/constants.ts';
import type { Condition, VirtualMachine } from '../src/api/v1alpha1/types.ts';
import { systemClock } from '../src/domain/clock.ts';
import { createTransport, type TrafficReport, type Transport } from '../src/kubernetes/transport.ts';
import { cpuSecondsOf } from './cpu.ts';
import { inParallel } from './parallel.ts';
import { plainObject, plainResource, plainStatus } from './plain-resource.ts';
import type { WriteCosts, WriteCpu } from './results.ts';

/** The ids of the processes that are measured. */
interface Processes {
  readonly apiServer: number;
  readonly etcd: number;
}

/** How often each object is written in one round; even, so that each round begins with the same state. */
const repeats = 4;
/** The limit of concurrent requests: enough to keep the API server busy. */
const together = 4;

/** Writes to objects of one custom resource, as user and operator write them. */
class Objects {
  readonly #transport: Transport;
  readonly #collection: string;

  constructor(transport: Transport, collection: string) {
    this.#transport = transport;
    this.#collection = collection;
  }

  async create(body: unknown, manager: string): Promise<void> {
    await this.#send('POST', '', manager, body);
  }

  async patch(path: string, manager: string, body: unknown): Promise<void> {
    await this.#send('PATCH', `/${path}`, manager, body);
  }

  async get(name: string): Promise<void> {
    await this.#send('GET', `/${name}`, 'none');
  }

  async #send(method: 'POST' | 'PATCH' | 'GET', path: string, manager: string, body?: unknown): Promise<void> {
    const what = `${method} ${this.#collection}${path}`;
    const answer = await this.#transport.exchange({
      verb: method === 'POST' ? 'create' : method === 'PATCH' ? 'patch' : 'get',
      resource: plural,
      what,
      method,
      path: `${this.#collection}${path}${method === 'GET' ? '' : `?fieldManager=${manager}`}`,
      ...(body === undefined
        ? {}
        : {
            contentType: `application/${method === 'POST' ? '' : 'merge-patch+'}json`,
            body: JSON.stringify(body),
          }),
    });
    if (answer.status >= 300) throw new Error(`${what}: ${answer.status} ${answer.body}`);
  }
}

/**
 * Creates objects like `pilot` and as many plain ones in `namespace`, where no operator watches, and measures writes
 * of both in turn. The definition of the plain resource is installed already.
 */
export async function measureWriteCosts(
  kubeconfig: string,
  namespace: string,
  processes: Processes,
  pilot: VirtualMachine,
  { objects, rounds }: { readonly objects: number; readonly rounds: number },
): Promise<WriteCosts> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  let received = 0;
  const onTraffic = (traffic: TrafficReport): void => void (received += traffic.received);
  const transport = createTransport(config, { clock: systemClock, version: 'bench', onTraffic });
  const sizeOf = async (of: Objects, name: string): Promise<number> => {
    const before = received;
    await of.get(name);
    return received - before;
  };
  try {
    const names = Array.from({ length: objects }, (_, index) => `cost-${index + 1}`);
    const own = new Objects(transport, `/apis/${apiVersion}/namespaces/${namespace}/${plural}`);
    const plain = new Objects(
      transport,
      `/apis/${plainResource.group}/${plainResource.version}/namespaces/${namespace}/${plainResource.plural}`,
    );
    const { annotations, finalizers } = pilot.metadata;
    const operator = 'vps247-operator';
    await inParallel(names, together, async (name) => {
      await own.create({ apiVersion, kind, metadata: { name, namespace }, spec: pilot.spec }, 'user');
      await own.patch(name, operator, { metadata: { annotations, finalizers } });
      await own.patch(`${name}/status`, operator, { status: pilot.status });
      await plain.create(plainObject(name, namespace), operator);
      await plain.patch(`${name}/status`, operator, { status: plainStatus('Running') });
    });
    const [first = ''] = names;
    const bytes = { own: await sizeOf(own, first), plain: await sizeOf(plain, first) };
    const writes = (patch: (name: string, isHalted: boolean) => Promise<void>): Promise<WriteCpu> =>
      cpuOf(processes, objects * repeats, async () => {
        for (let turn = 0; turn < repeats; turn += 1)
          await inParallel(names, together, (name) => patch(name, turn % 2 === 0));
      });
    const statuses = { Halted: halted(pilot), Running: { state: 'Running', conditions: pilot.status?.conditions } };
    const setPower = (of: Objects) => (name: string, isHalted: boolean) =>
      of.patch(name, 'user', { spec: { powerState: powerState(isHalted) } });
    const setStatus = (of: Objects, statusOf: (isHalted: boolean) => unknown) => (name: string, isHalted: boolean) =>
      of.patch(`${name}/status`, operator, { status: statusOf(isHalted) });
    const setOwnStatus = setStatus(own, (isHalted) => statuses[powerState(isHalted)]);
    const setPlainStatus = setStatus(plain, (isHalted) => plainStatus(powerState(isHalted)));
    const results: WriteCosts['rounds'][number][] = [];
    // The first round is for warming up.
    for (let round = 0; round <= rounds; round += 1) {
      const result = {
        spec: { plain: await writes(setPower(plain)), own: await writes(setPower(own)) },
        status: { plain: await writes(setPlainStatus), own: await writes(setOwnStatus) },
      };
      if (round > 0) results.push(result);
    }
    return { writes: objects * repeats, bytes, rounds: results };
  } finally {
    await transport.close();
  }
}

function powerState(isHalted: boolean): 'Halted' | 'Running' {
  return isHalted ? 'Halted' : 'Running';
}

/** What the operator writes after a power change: the state and the conditions. */
function halted({ status }: VirtualMachine): unknown {
  return { state: 'Halted', conditions: status?.conditions?.map(ofNextGeneration) };
}

function ofNextGeneration(condition: Condition): Condition {
  return { ...condition, observedGeneration: condition.observedGeneration + 1 };
}

async function cpuOf(processes: Processes, count: number, work: () => Promise<unknown>): Promise<WriteCpu> {
  const before = { apiServer: cpuSecondsOf(processes.apiServer), etcd: cpuSecondsOf(processes.etcd) };
  await work();
  return {
    apiServer: (cpuSecondsOf(processes.apiServer) - before.apiServer) / count,
    etcd: (cpuSecondsOf(processes.etcd) - before.etcd) / count,
  };
}
