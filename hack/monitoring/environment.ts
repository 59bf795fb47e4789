import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createEmulator, type Emulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { freePort } from '../control-plane/ports.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { Cluster, readiness } from '../../test/support/control-plane.ts';
import { fastSettings, fastLatencies } from '../../test/support/fast-settings.ts';
import { type OperatorProcess, startOperator } from '../../test/support/operator-process.ts';
import { startWireProxy, type Passing, type Treatment } from '../../test/support/wire-proxy.ts';

/** Each team has a namespace, an account at the provider, and its key. */
export const teams = ['shop', 'lab', 'media', 'games'] as const;
export type Team = (typeof teams)[number];
/** A further namespace, whose objects have a Secret each. */
export const crowded = 'batch';

const lease = { namespace: 'vps247-system', name: 'vps247-bad-day' };

/** How long Kubernetes takes to refuse a request during that fault. Milliseconds. */
const refusalTime = 500;
const refusal = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'InternalError',
  code: 500,
  message: 'Internal error occurred: etcdserver: request timed out',
};

/** Durations are a sixtieth of their defaults, where that isn't too short for a process. */
const flags: readonly string[] = fastSettings({
  'poll-interval': '1s',
  'stuck-after': '10s',
  'lease-duration': '3s',
  'renew-deadline': '2s',
  'retry-period': '500ms',
  workers: '2',
}).concat('--serve-targets', `--leader-election-namespace=${lease.namespace}`);

export function keyOf(team: Team): string {
  return `planted-key-${team}`;
}

/** A cluster, the provider, and an operator: what is scraped, and what fails. */
export class MonitoringEnvironment implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  /** The operator's metrics address, the same after each restart: `127.0.0.1:8080`. */
  readonly metricsAddress: string;
  /** The metrics address of a second installation. */
  readonly secondAddress: string;
  /** Whether every read of a Secret in the crowded namespace is refused, slowly. */
  isRefusing = false;
  readonly #logs: string;
  readonly #closing: AsyncDisposableStack;
  #access: { readonly kubeconfig: string; readonly apiUrl: string } | undefined;
  #operator: OperatorProcess | undefined;
  #second: OperatorProcess | undefined;
  #starts = 0;

  private constructor(
    parts: Pick<MonitoringEnvironment, 'cluster' | 'emulator' | 'metricsAddress' | 'secondAddress'>,
    logs: string,
  ) {
    this.cluster = parts.cluster;
    this.emulator = parts.emulator;
    this.metricsAddress = parts.metricsAddress;
    this.secondAddress = parts.secondAddress;
    this.#logs = logs;
    this.#closing = new AsyncDisposableStack();
  }

  /** With everything except objects, and without an operator. Logs go into `logs`, which is emptied. */
  static async open(logs: string): Promise<MonitoringEnvironment> {
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(logs, { recursive: true });
    await using opening = new AsyncDisposableStack();
    const plane = opening.use(await startControlPlane({ logDir: path.join(logs, 'control-plane') }));
    const cluster = new Cluster(plane.kubeconfigPath);
    opening.defer(() => cluster.close());
    const emulator = createEmulator({
      seed: 7,
      accounts: teams.map((team, index) => ({ ownerId: index + 1, keys: [keyOf(team)] })),
      latencies: { ...fastLatencies, start: 1_000, halt: 1_000 },
    });
    const provider = await serve(emulator, { port: 0 });
    opening.defer(() => provider.close());
    const [metricsAddress, secondAddress] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const stage = new MonitoringEnvironment({ cluster, emulator, metricsAddress, secondAddress }, logs);
    await cluster.applyRights();
    await cluster.applyCrd();
    await cluster.createNamespace(crowded);
    for (const team of teams) {
      await cluster.createNamespace(team);
      await cluster.putSecret(team, keyOf(team));
    }
    const wire = await startWireProxy({
      kubeconfig: await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', logs),
      apiUrl: provider.url,
      directory: logs,
      decide: (request) => stage.#decide(request),
    });
    opening.defer(() => wire.close());
    stage.#access = { kubeconfig: wire.kubeconfig, apiUrl: wire.apiUrl };
    stage.#closing.use(opening.move());
    return stage;
  }

  /** Resolves when it serves metrics; it may not be the leader yet. */
  async startOperator(): Promise<void> {
    this.#starts += 1;
    this.#operator = this.#start(`operator-${this.#starts}`, lease.name, this.metricsAddress);
    await this.#operator.addresses;
  }

  /** An operator for the same objects, with another Lease. */
  async startSecond(): Promise<void> {
    this.#second = this.#start('second', `${lease.name}-second`, this.secondAddress);
    await this.#second.addresses;
  }

  #start(name: string, leaseName: string, address: string): OperatorProcess {
    if (this.#access === undefined) throw new Error('the stage is not open');
    return startOperator({
      ...this.#access,
      flags: [...flags, `--lease-name=${leaseName}`],
      addresses: [address, '127.0.0.1:0'],
      logFile: path.join(this.#logs, `${name}.log`),
    });
  }

  /** kill -9. */
  async killOperator(): Promise<void> {
    await this.#operator?.kill();
  }

  /** Assigns the Lease to a process that never releases it; undefined: releases it. */
  async giveLease(to: string | undefined): Promise<void> {
    const change = to === undefined ? { holderIdentity: '', leaseDurationSeconds: 1 } : { holderIdentity: to };
    await this.cluster.patchLease(lease.namespace, lease.name, { leaseDurationSeconds: 3_600, ...change });
  }

  /** An object for the smallest VM. */
  async create(namespace: string, name: string, spec: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const smallest = {
      region: { name: 'Amsterdam 1' },
      package: { name: 'Budget' },
      osTemplate: { name: 'Debian 13 x64' },
    };
    await this.cluster.create({ namespace, name, spec: { ...smallest, ...spec } });
  }

  /** Waits until every object of the teams is in sync. */
  async untilReady(): Promise<void> {
    await this.cluster.until('every VM is in sync', async () => {
      const objects = await Promise.all(teams.map((team) => this.cluster.list(team)));
      return objects.flat().every((object) => readiness(object) === 'True/Available');
    });
  }

  /** Waits until the operator is the leader, and has read the list of each account. */
  async untilActing(): Promise<void> {
    await this.cluster.until('the operator is the leader', async () => {
      const page = await (await fetch(`http://${this.metricsAddress}/metrics`)).text();
      const lists = page.match(/^vps247_operator_account_machines\{account="\d+",managed="true"\}/gm) ?? [];
      return /^leader_election_master_status\{[^}]*\} 1$/m.test(page) && lists.length === teams.length;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const operator of [this.#second, this.#operator]) {
      await operator?.keepMetrics();
      await operator?.kill();
    }
    await this.#closing.disposeAsync();
  }

  #decide({ api, method, path: where }: Passing): Treatment {
    const isStruck = this.isRefusing && api === 'kubernetes' && method === 'GET';
    if (!isStruck || !where.startsWith(`/api/v1/namespaces/${crowded}/secrets/`)) return { kind: 'pass' };
    return { kind: 'refuse', status: refusal.code, body: refusal, milliseconds: refusalTime };
  }
}
