import { type AppSettings, createApp } from '../../../src/app.ts';
import type { Condition, VirtualMachineSpec } from '../../../src/api/v1alpha1/types.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { Fence } from '../../../src/model/fence.ts';
import type { Secret } from '../../../src/model/secret.ts';
import type { Provider } from '../../../src/provider/port.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import type { ManualClock } from '../../support/clock.ts';
import { InMemoryCluster } from './cluster.ts';

export const usualSpec: VirtualMachineSpec = {
  region: { id: 1 },
  package: { id: 2 },
  osTemplate: { id: 3 },
  ipv6: false,
  privateNetworking: false,
  sshKeyIds: [],
  powerState: 'Running',
  powerOff: { mode: 'TrySoft', gracePeriod: '1m' },
  powerDriftPolicy: 'Correct',
  managementPolicy: 'Manage',
  adoption: { policy: 'Never' },
  deletionProtection: false,
  credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
  initialPasswordSecret: {},
};

export const usual: AppSettings = {
  namespaces: [],
  selector: undefined,
  takeOverFrom: [],
  relistInterval: 30 * 60_000,
  defaultCredentialsSecret: undefined,
  defaultCredentialsNamespaces: [],
  defaultCredentialsOrphanNamespaces: [],
  requireCredentialsLabel: false,
  workers: 8,
  pollInterval: 60_000,
  urgentPollInterval: 1_000,
  maxInFlight: 4,
  providerRate: 10,
  providerBurst: 20,
  visibilityWindow: 30_000,
  recreateAfter: 300_000,
  stuckAfter: 600_000,
  lookAlikes: 'Hold',
  maxMachinesPerNamespace: 0,
  maxApiKeys: 1_000,
  maxApiKeysPerNamespace: 32,
  maxDeletesPerMinute: 0,
  machineMetricsLimit: 500,
  apiConnectTimeout: 5_000,
  apiResponseTimeout: 30_000,
};

/** The whole operator at an API server in memory, on a clock that the test moves; the provider is up to the caller. */
export interface OperatorWorld {
  readonly clock: ManualClock;
  readonly cluster: InMemoryCluster;
  /** Lines of level warn and error. */
  readonly complaints: readonly string[];
  /** Puts this API key into the Secret. Without the label nobody watches it. */
  useKey(apiKey: string, options?: { readonly isLabelled?: boolean }): void;
  apply(name: string, more?: Partial<VirtualMachineSpec>): void;
  condition(name: string, type: Condition['type']): Condition | undefined;
  /** Events about the object, each as `Reason: note`. */
  events(name: string): readonly string[];
  /** What /metrics shows. */
  metricsPage(): Promise<string>;
  /** What `/healthz` says. */
  isAlive(): boolean;
  /** Why `/readyz` says no. */
  notReady(): string | undefined;
  /** `kill -9`, and a new process. */
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
  /** Told of each call to Kubernetes that is sent. */
  readonly onCall?: (call: string) => void;
  /** Its name, by default that of the chart; null: it has none. */
  readonly installation?: string | null;
}

const alone: Leadership = { won: Promise.resolve(), fence: () => true };
const chart = 'vps247-system/vps247-operator';

/** As the wire does: what would change something is not sent. */
function fenced(cluster: InMemoryCluster, { fence, onCall }: Leadership): KubeClient {
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

export async function runOperator(
  clock: ManualClock,
  apiKey: string,
  connect: Connect,
  settings: Partial<AppSettings> = {},
  leadership: Leadership = alone,
  existing?: InMemoryCluster,
): Promise<OperatorWorld> {
  const cluster = existing ?? new InMemoryCluster(clock);
  const complaints: string[] = [];
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (message) => void complaints.push(message),
    error: (message, fields) => void complaints.push(`${message}: ${String(fields?.['error'])}`),
    with: () => log,
  };
  let life = 0;
  let metrics = createMetrics({ version: '0.0.0' });
  let app = start();

  function start() {
    life += 1;
    metrics = createMetrics({ version: '0.0.0' });
    const mine = life;
    const isAlive = (): boolean => mine === life;
    /** A process that was killed sends nothing more, and hears no more answers. */
    const untilKilled = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          return (...args: readonly unknown[]): unknown => {
            if (!isAlive()) return new Promise(() => {});
            const answer: unknown = Reflect.apply(member, target, args);
            return answer instanceof Promise
              ? answer.finally(() => (isAlive() ? undefined : new Promise(() => {})))
              : answer;
          };
        },
      });
    const ownClock: Clock = {
      ...clock,
      schedule: (after, callback) => clock.schedule(after, () => isAlive() && callback()),
    };
    const started = createApp(
      { ...usual, ...settings },
      {
        client: untilKilled(fenced(cluster, leadership)),
        connect: (key) => untilKilled(connect(key, { clock: ownClock, log })),
        clock: ownClock,
        random: () => 0.5,
        log,
        metrics,
        fence: leadership.fence,
        instance: 'test',
        installation: leadership.installation === null ? undefined : (leadership.installation ?? chart),
      },
    );
    void started
      .start()
      .then(() => leadership.won)
      .then(() => isAlive() && started.act());
    return started;
  }

  const world: OperatorWorld = {
    clock,
    cluster,
    complaints,
    useKey(key, { isLabelled = true } = {}) {
      const data = { 'api-key': Buffer.from(key).toString('base64') };
      cluster.put('secrets', {
        metadata: { name: 'vps247-credentials', ...(isLabelled ? { labels: { watched: 'true' } } : {}) },
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
    metricsPage: () => metrics.render(),
    isAlive: () => app.isAlive(),
    notReady: () => app.notReady(),
    async restart() {
      app = start();
      await clock.advance(0);
    },
    stop: () => app.stop(),
  };
  if (existing === undefined) world.useKey(apiKey);
  await clock.advance(0);
  return world;
}
