import { expect } from 'vitest';
import { type Operator, createOperator } from '../../../src/operator.ts';
import type { OperatorSettings } from '../../../src/config/settings.ts';
import type { Condition, VirtualMachineSpec } from '../../../src/api/v1alpha1/types.ts';
import type { KubeClient } from '../../../src/kubernetes/client.ts';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import type { Clock } from '../../../src/domain/clock.ts';
import type { Fence } from '../../../src/domain/fence.ts';
import type { Secret } from '../../../src/domain/secret.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { type Metrics, createMetrics } from '../../../src/telemetry/metrics.ts';
import type { Log, LogFields } from '../../../src/telemetry/log.ts';
import type { ManualClock } from '../../support/clock.ts';
import { usual } from '../../support/usual-settings.ts';
import { expectAtTheEnd } from './bystanders.ts';
import type { InMemoryCluster } from './cluster.ts';

export const usualSpec: VirtualMachineSpec = {
  region: { id: 1 },
  package: { id: 2 },
  osTemplate: { id: 3 },
  ipv6: false,
  privateNetworking: false,
  sshKeyIds: [],
  powerState: 'Running',
  powerOff: { mode: 'TrySoft', gracePeriodSeconds: 60 },
  powerDriftPolicy: 'Correct',
  managementPolicy: 'Manage',
  adoption: { policy: 'Never' },
  deletionProtection: false,
  credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
  initialPasswordSecret: {},
};

/** The whole operator at an API server in memory, on a clock that the test moves; the provider is up to the caller. */
export interface OperatorWorld {
  readonly clock: ManualClock;
  readonly cluster: InMemoryCluster;
  /** Lines of level warn and error. */
  readonly complaints: readonly string[];
  /** Log lines of the levels info and warn. */
  readonly lines: readonly Line[];
  /** Puts this API key into the Secret. Without the label the Secret is not watched. */
  useKey(apiKey: string, options?: { readonly isLabeled?: boolean }): void;
  apply(name: string, more?: Partial<VirtualMachineSpec>): void;
  condition(name: string, type: Condition['type']): Condition | undefined;
  /** Events about the object, each as `Reason: note`. */
  events(name: string): readonly string[];
  /** What /metrics shows. */
  metricsPage(): Promise<string>;
  /** What /targets shows on the leader, and on the replica on standby. */
  targets(): readonly (string | undefined)[];
  /** What `/healthz` says. */
  isAlive(): boolean;
  /** Why `/readyz` says no. */
  notReady(): string | undefined;
  /** `kill -9` of the leader. The replica on standby becomes the leader, and a new one is on standby. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Connects to the provider with a key. What is scheduled on `clock` ends with the process. */
type Connect = (apiKey: Secret, process: { readonly clock: Clock; readonly log: Log }) => Provider;

/** By what the operator acts. */
export interface Leadership {
  /** Resolves when it may begin. */
  readonly won: Promise<void>;
  readonly fence: Fence;
  /** Called for each request to Kubernetes that is sent. */
  readonly onCall?: (call: string) => void;
  /** Its name, by default that of the chart; null: it has none, and no Lease. */
  readonly installation?: string | null;
}

const chart = 'vps247-system/vps247-operator';

/** What a replica on standby may do; it never calls the provider. */
const reads: ReadonlySet<string> = new Set(['list', 'watch', 'version', 'close']);

/** As the wire does: what would change something is not sent. */
function fenced(cluster: InMemoryCluster, { fence, onCall }: Pick<Leadership, 'fence' | 'onCall'>): KubeClient {
  return new Proxy(cluster, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const isChange = name === 'patch' || name === 'create';
      return (...args: readonly unknown[]): unknown => {
        if (isChange && !fence()) return Promise.reject(new KubeError('not sent', { reason: 'Fenced' }));
        onCall?.(String(name));
        return Reflect.apply(member, target, args);
      };
    },
  });
}

/** What events about the operator are about. */
export const ownLease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'vps247-system',
  name: 'vps247-operator',
  uid: 'lease-uid',
} as const;

export interface Line {
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** One replica. */
interface Replica {
  readonly app: Operator;
  readonly metrics: Metrics;
  /** From now on it is the leader. */
  win(): void;
  kill(): void;
}

interface OperatorOptions {
  readonly clock: ManualClock;
  readonly cluster: InMemoryCluster;
  readonly connect: Connect;
  readonly settings?: Partial<OperatorSettings>;
  /** Without it two replicas run, of which one is on standby; with it one, and the test says when that may act. */
  readonly leadership?: Leadership | undefined;
}

export async function runOperator(options: OperatorOptions): Promise<OperatorWorld> {
  const { clock, cluster, connect, settings = {}, leadership } = options;
  expectAtTheEnd(() => expect(cluster.offences, 'what no operator may ever do').toEqual([]));
  const complaints: string[] = [];
  const lines: Line[] = [];
  const log: Log = {
    debug: () => {},
    info: (message, fields) => void lines.push({ message, fields }),
    warn: (message, fields) => {
      lines.push({ message, fields });
      complaints.push(message);
    },
    error: (message, fields) => void complaints.push(`${message}: ${String(fields?.['error'])}`),
    with: () => log,
  };
  let leader = start();
  let standby = leadership === undefined ? start() : undefined;
  if (standby !== undefined) leader.win();

  function start(): Replica {
    const metrics = createMetrics({ version: '0.0.0' });
    let isKilled = false;
    let isLeader = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { won = promise, fence = () => isLeader, onCall, installation = chart } = leadership ?? {};
    /** A process that was killed sends nothing more, and hears no more answers. */
    const untilKilled = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          return (...args: readonly unknown[]): unknown => {
            if (isKilled) return new Promise(() => {});
            if (leadership === undefined && !isLeader && !reads.has(String(name)))
              cluster.offences.push(`${String(name)} by the replica on standby`);
            const answer: unknown = Reflect.apply(member, target, args);
            return answer instanceof Promise
              ? answer.finally(() => (isKilled ? new Promise(() => {}) : undefined))
              : answer;
          };
        },
      });
    const ownClock: Clock = {
      ...clock,
      schedule: (after, callback) => clock.schedule(after, () => !isKilled && callback()),
    };
    const app = createOperator(
      { ...usual, ...settings },
      {
        client: untilKilled(fenced(cluster, { fence, ...(onCall === undefined ? {} : { onCall }) })),
        connect: (key) => untilKilled(connect(key, { clock: ownClock, log })),
        clock: ownClock,
        random: () => 0.5,
        log,
        metrics,
        fence,
        instance: 'test',
        installation: installation ?? undefined,
        self: () => (installation === null ? undefined : ownLease),
      },
    );
    void app
      .start()
      .then(() => won)
      .then(() => !isKilled && app.lead());
    return {
      app,
      metrics,
      win: () => {
        isLeader = true;
        resolve();
      },
      kill: () => {
        isKilled = true;
      },
    };
  }

  const world: OperatorWorld = {
    clock,
    cluster,
    complaints,
    lines,
    useKey(key, { isLabeled = true } = {}) {
      const data = { 'api-key': Buffer.from(key).toString('base64') };
      cluster.put('secrets', {
        metadata: { name: 'vps247-credentials', ...(isLabeled ? { labels: { watched: 'true' } } : {}) },
        data,
      });
    },
    apply: (name, more = {}) =>
      cluster.put('virtualmachines', {
        metadata: { name },
        spec: { ...usualSpec, ...more },
        status: { observedGeneration: -1 },
      }),
    condition: (name, type) => cluster.machine(name)?.status?.conditions?.find((one) => one.type === type),
    events: (name) =>
      cluster.events.filter(({ regarding }) => regarding.name === name).map(({ reason, note }) => `${reason}: ${note}`),
    metricsPage: () => leader.metrics.render(),
    targets: () => [leader, standby].map((replica) => replica?.app.targets()),
    isAlive: () => leader.app.isAlive(),
    notReady: () => leader.app.notReady(),
    async restart() {
      leader.kill();
      leader = standby ?? start();
      leader.win();
      if (standby !== undefined) standby = start();
      await clock.advance(0);
    },
    async stop() {
      await Promise.all([leader.app.stop(), standby?.app.stop()]);
    },
  };
  await clock.advance(0);
  return world;
}
