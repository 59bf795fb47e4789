import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createOperator } from './operator.ts';
import { exitCodes, secondSignal } from './config/exit-codes.ts';
import { loadSettings } from './config/load.ts';
import type { Settings } from './config/settings.ts';
import { createKubeClient } from './kubernetes/client.ts';
import { type KubeConfig, loadKubeConfig, namespaceOf } from './kubernetes/config.ts';
import { createAccessReview } from './kubernetes/access-review.ts';
import { createLeaderElector, type LeaderElection } from './kubernetes/leader-election/leader-elector.ts';
import { createTransport, type TransportOptions } from './kubernetes/transport.ts';
import { systemClock } from './domain/clock.ts';
import { createHttpProvider } from './provider/http/client.ts';
import { type Proxy, readProxy } from './provider/http/proxy.ts';
import { createExchange } from './provider/http/transport.ts';
import { leaseName } from './kubernetes/leader-election/lease-name.ts';
import { waitUntilReady } from './startup/preflight.ts';
import { createCallReports } from './telemetry/call-reports.ts';
import { createHealthServer } from './telemetry/http-server.ts';
import type { Log } from './telemetry/log.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { Readiness } from './telemetry/readiness.ts';
import { redact, registerSecret } from './telemetry/redact.ts';
import { noTracing, sampledPart, type Tracing, wantsTraces } from './telemetry/tracing.ts';
import { operatorVersion } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves with the exit code. */
async function main(argv: readonly string[], env: Environment): Promise<number> {
  const loaded = loadSettings(argv, env);
  if ('help' in loaded) return print(loaded.help);
  if ('version' in loaded) return print(`vps247-operator ${operatorVersion}`);
  if ('problems' in loaded) return complain(exitCodes.BadSettings.code, ...loaded.problems);
  return run(loaded.settings, env);
}

async function run(settings: Settings, env: Environment): Promise<number> {
  const log = createLogger({ level: settings.logLevel, format: settings.logFormat });
  const metrics = createMetrics({ version: operatorVersion, withProcess: true });
  const tracing = await startTracing(env, log);
  let proxy: Proxy | undefined;
  try {
    proxy = readProxy(env, settings.apiUrl);
  } catch (error) {
    return complain(exitCodes.BadSettings.code, sentenceOf(error));
  }
  if (proxy?.password !== undefined) registerSecret(proxy.password);
  const exchange = createExchange({ connectTimeout: settings.apiConnectTimeout, proxy });
  let kubeConfig: KubeConfig;
  try {
    kubeConfig = loadKubeConfig({ kubeconfig: settings.kubeconfig, variable: env['KUBECONFIG'] });
  } catch (error) {
    return complain(exitCodes.NoCluster.code, sentenceOf(error));
  }
  const reports = createCallReports(metrics, tracing);
  const connections: TransportOptions = {
    clock: systemClock,
    version: operatorVersion,
    ...reports.kubernetes,
  };
  const leaseNamespace = settings.leaderElectionNamespace ?? namespaceOf(kubeConfig);
  if (settings.leaderElection && leaseNamespace === undefined) {
    return complain(
      exitCodes.BadSettings.code,
      'The namespace of the Lease is not known outside of a pod: give --leader-election-namespace, or --leader-election=false if this is certainly the only operator.',
    );
  }
  const election =
    settings.leaderElection && leaseNamespace !== undefined
      ? elect(settings, leaseNamespace, kubeConfig, connections, log)
      : undefined;
  const fence = (): boolean => election === undefined || election.isLeader();
  metrics.onScrape(() => metrics.leader.set({ name: leaseName(settings) }, fence() ? 1 : 0));
  const client = createKubeClient(createTransport(kubeConfig, { ...connections, fence }));
  const operator = createOperator(settings, {
    client,
    clock: systemClock,
    random: Math.random,
    log,
    metrics,
    fence,
    tracing,
    instance: hostname(),
    installation: leaseNamespace === undefined ? undefined : `${leaseNamespace}/${leaseName(settings)}`,
    self: () => election?.reference(),
    openConnection: () => exchange.open(settings.apiUrl),
    connect: (apiKey) =>
      createHttpProvider({
        baseUrl: settings.apiUrl,
        apiKey,
        log,
        exchange,
        insecure: settings.insecureApiUrl,
        timeouts: {
          connect: settings.apiConnectTimeout,
          response: settings.apiResponseTimeout,
          total: settings.apiConnectTimeout + settings.apiResponseTimeout,
        },
        fence,
        ...reports.provider,
      }),
  });
  /** What the startup waits for. */
  let obstacle: string | undefined;
  const checks = () => [
    { name: 'kubernetes', cause: obstacle },
    { name: 'virtualmachines', cause: operator.notReady() },
  ];
  const readiness = new Readiness(checks, log);
  const health = createHealthServer({
    metricsAddress: settings.metricsAddress,
    healthAddress: settings.healthAddress,
    isAlive: () => operator.isAlive(),
    readiness,
    metrics,
    ...(settings.serveTargets ? { targets: () => operator.targets() } : {}),
    log,
  });

  const signals = stopSignals();
  try {
    await health.start();
  } catch (error) {
    return complain(exitCodes.NoAddress.code, sentenceOf(error));
  }
  log.info('Starting', { version: operatorVersion, ...health.addresses, ...(proxy && { proxy: proxy.address }) });
  const begin = async (): Promise<void> => {
    // Without the fence: these requests come before leadership and change nothing.
    const unfenced = createTransport(kubeConfig, connections);
    await waitUntilReady(settings.namespaces, {
      accessReview: createAccessReview(unfenced),
      clock: systemClock,
      log,
      onBlocked: (why) => {
        obstacle = why;
        if (why !== undefined) readiness.evaluate();
      },
    });
    await Promise.all([unfenced.close(), operator.start()]);
    readiness.evaluate();
    // Only now, so that the new leader reconciles immediately.
    election?.start();
    await election?.elected;
    operator.lead();
  };
  const lost = election?.lost ?? new Promise<never>(() => {});
  const ends = lost.then((reason) => ({ reason }));
  const stopRequest = signals.first.then((signal) => ({ signal }));
  // `begin` ends only by an unexpected error, which ends the program.
  const end = await Promise.race([stopRequest, ends, begin().then(() => Promise.race([stopRequest, ends]))]);
  if ('reason' in end) return leave(end.reason);

  log.info('Stopping', end);
  const finish = async (): Promise<number> => {
    await operator.stop();
    await election?.release();
    await Promise.all([health.stop(), client.close(), tracing.stop()]);
    return exitCodes.Ended.code;
  };
  const code = await Promise.race([
    finish(),
    ends.then(({ reason }) => leave(reason)),
    signals.second.then((signal) => secondSignal[signal] ?? exitCodes.Unfinished.code),
    new Promise<number>((resolve) =>
      systemClock.schedule(settings.shutdownGracePeriod, () => resolve(exitCodes.Unfinished.code)),
    ),
  ]);
  log.info('Stopped', { code });
  return code;

  /** Immediately: whatever is in progress is recorded, and the new leader continues it. */
  function leave(reason: string): number {
    log.error('Lost leader election, exiting', { reason });
    return exitCodes.LeaseLost.code;
  }
}

function elect(
  settings: Settings,
  namespace: string,
  kubeConfig: KubeConfig,
  connections: TransportOptions,
  log: Log,
): LeaderElection {
  const { leaseDuration, renewDeadline, retryPeriod } = settings;
  return createLeaderElector({
    connect: (deadline) => createKubeClient(createTransport(kubeConfig, { ...connections, deadline })),
    ref: { namespace, name: leaseName(settings) },
    identity: `${hostname()}_${randomUUID()}`,
    times: { leaseDuration, renewDeadline, retryPeriod },
    clock: systemClock,
    random: Math.random,
    log,
  });
}

async function startTracing(env: Environment, log: Log): Promise<Tracing> {
  if (!wantsTraces(env)) return noTracing;
  const { createTracing } = await import('./telemetry/opentelemetry.ts');
  return createTracing({ clock: systemClock, log, version: operatorVersion, sampledPart: sampledPart(env) });
}

/** The first signal requests a graceful shutdown, the second an immediate exit. */
function stopSignals(): { readonly first: Promise<NodeJS.Signals>; readonly second: Promise<NodeJS.Signals> } {
  const [first, second] = [Promise.withResolvers<NodeJS.Signals>(), Promise.withResolvers<NodeJS.Signals>()];
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      (isStopping ? second : first).resolve(signal);
      isStopping = true;
    });
  }
  return { first: first.promise, second: second.promise };
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return exitCodes.Ended.code;
}

function complain(code: number, ...sentences: readonly string[]): number {
  for (const sentence of sentences) process.stderr.write(`${sentence}\n`);
  return code;
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// For an uncaught error, Node prints every field; an HTTP client's error has the request with its API key.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${JSON.stringify({ message: 'Crashed', error: redact(error, { withStacks: true }) })}\n`);
  process.exit(exitCodes.Crashed.code);
});

process.exit(await main(process.argv.slice(2), process.env));
