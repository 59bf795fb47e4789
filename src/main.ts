import { hostname } from 'node:os';
import { createApp } from './app.ts';
import { loadSettings } from './config/load.ts';
import type { Settings } from './config/settings.ts';
import { createKubeClient } from './kube/client.ts';
import { loadKubeConfig } from './kube/config.ts';
import { createTransport } from './kube/transport.ts';
import { systemClock } from './model/clock.ts';
import { createHttpProvider } from './provider/http/client.ts';
import { createHealthServer } from './telemetry/health.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { redact } from './telemetry/redact.ts';
import { operatorVersion } from './version.ts';

/** Exit codes: 0 ended as asked, 1 could not start or go on, 2 settings are wrong. */
async function main(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const loaded = loadSettings(argv, env);
  if ('help' in loaded) return print(loaded.help);
  if ('version' in loaded) return print(`vps247-operator ${operatorVersion}`);
  if ('problems' in loaded) {
    for (const problem of loaded.problems) process.stderr.write(`${problem}\n`);
    return 2;
  }
  return run(loaded.settings);
}

async function run(settings: Settings): Promise<number> {
  const log = createLogger({ level: settings.logLevel, format: settings.logFormat });
  const metrics = createMetrics({ version: operatorVersion, withProcess: true });
  const kubeConfig = loadKubeConfig(settings.kubeconfig === undefined ? {} : { kubeconfig: settings.kubeconfig });
  const client = createKubeClient(
    createTransport(kubeConfig, {
      clock: systemClock,
      version: operatorVersion,
      onCall: ({ verb, resource, status }) => metrics.kubernetesCalls.inc({ verb, resource, code: String(status) }),
    }),
  );
  const app = createApp(settings, {
    client,
    clock: systemClock,
    random: Math.random,
    log,
    metrics,
    instance: hostname(),
    connect: (apiKey) =>
      createHttpProvider({
        baseUrl: settings.apiUrl,
        apiKey,
        log,
        insecure: settings.insecureApiUrl,
        timeouts: {
          connect: settings.apiConnectTimeout,
          response: settings.apiResponseTimeout,
          total: settings.apiConnectTimeout + settings.apiResponseTimeout,
        },
        onCall: ({ operation, code, milliseconds }) => {
          metrics.providerCalls.inc({ operation, code });
          metrics.providerCallDuration.observe({ operation }, milliseconds / 1000);
        },
      }),
  });
  const health = createHealthServer({
    metricsAddress: settings.metricsAddress,
    healthAddress: settings.healthAddress,
    isAlive: () => app.isAlive(),
    isReady: () => app.isReady(),
    metrics,
    log,
  });

  const asked = stopSignal();
  await health.start();
  log.info('Starting', { version: operatorVersion, ...health.addresses });
  await Promise.race([app.start(), asked]);
  const signal = await asked;
  log.info('Stopping', { signal });
  // A second signal, or calls that do not end in time, must not keep the pod: what is under way is on record.
  const isDone = await Promise.race([
    app.stop().then(() => true),
    stopSignal().then(() => false),
    new Promise<boolean>((resolve) => systemClock.schedule(settings.shutdownGracePeriod, () => resolve(false))),
  ]);
  await health.stop();
  await client.close();
  log.info('Stopped', { isDone });
  return isDone ? 0 : 1;
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

// Node itself prints every field of an error that nobody caught; those of an HTTP client hold the request with its API key.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${JSON.stringify({ message: 'Crashed', error: redact(error, { withStacks: true }) })}\n`);
  process.exit(1);
});

try {
  process.exit(await main(process.argv.slice(2), process.env));
} catch (error) {
  // Only start-up gets here: a kubeconfig that cannot be read, an address in use. Their messages are sentences.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
