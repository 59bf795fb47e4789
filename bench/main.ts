/**
 * `npm run bench`: a real kube-apiserver and etcd, the emulated provider in a process of its own, the operator with the
 * rights of its own role, and machines going through their life. Prints what was counted and how long it took, with the
 * least possible beside it; exits 1 when a count is not what it must be. Times are told, not judged.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildBundle } from '../hack/build.ts';
import { startControlPlane } from '../hack/control-plane/start.ts';
import { Cluster } from '../hack/kit/cluster.ts';
import { startOperator } from '../hack/kit/operator.ts';
import { startEmulator } from './emulator.ts';
import { Fleet } from './fleet.ts';
import { run } from './run.ts';
import { findWrong, renderTable } from './table.ts';

const usage = `Usage: npm run bench [-- --objects N]

Measures the operator on a real API server against the emulated provider: calls, writes, time, CPU, memory.

  --objects N   how many machines (default 100, at most 1000)
  --help        this text`;

const namespaces = { watched: 'vps247-bench', unwatched: 'vps247-bench-unwatched' } as const;
const apiKey = 'bench-key';

type Cleanups = (() => Promise<unknown>)[];

async function main(): Promise<number> {
  const objects = readOptions(process.argv.slice(2));
  if (objects === 'help') {
    console.log(usage);
    return 0;
  }
  if (objects === undefined) {
    console.error(usage);
    return 2;
  }
  const directory = mkdtempSync(join(tmpdir(), 'vps247-bench-'));
  const cleanups: Cleanups = [];
  const interrupted = new Promise<130>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(130));
  });
  let code: number | undefined;
  try {
    code = await Promise.race([interrupted, bench(objects, directory, cleanups)]);
    return code;
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
    if (code === 0 || code === 130) rmSync(directory, { recursive: true, force: true });
    else console.error(`The logs are kept in ${directory}`);
  }
}

/** The exit code. */
async function bench(objects: number, directory: string, cleanups: Cleanups): Promise<number> {
  const startedAt = performance.now();
  const say = (text: string): void =>
    console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${text}`);

  say('building the operator; starting a control plane and the provider');
  const { file: entry } = await buildBundle(directory);
  const plane = await startControlPlane({ logDir: join(directory, 'control-plane') });
  cleanups.push(() => plane.stop());
  const cluster = new Cluster(plane.kubeconfigPath);
  cleanups.push(() => cluster.close());
  await cluster.applyFiles(
    ['00-namespace', '20-service-account', '30-role'].map((name) => `deploy/manifests/${name}.yaml`),
  );
  await cluster.applyCrd();
  for (const namespace of Object.values(namespaces)) await cluster.createNamespace(namespace);
  await cluster.putSecret(namespaces.watched, apiKey);

  const emulator = await startEmulator(apiKey);
  cleanups.push(() => emulator.stop());
  // The program as it is published, with its settings as they are by default but for where to look.
  const operator = startOperator({
    entry,
    kubeconfig: await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', directory),
    apiUrl: emulator.url,
    flags: ['--namespaces', namespaces.watched],
    logFile: join(directory, 'operator.log'),
  });
  cleanups.push(() => operator.stop());
  const { metrics: metricsUrl } = await operator.addresses;

  const fleet = new Fleet(plane.kubeconfigPath, namespaces.watched);
  const unwatched = new Fleet(plane.kubeconfigPath, namespaces.unwatched);
  cleanups.push(
    () => fleet.close(),
    () => unwatched.close(),
  );
  const sections = await run({ objects, emulator, fleet, unwatched, metricsUrl, say });
  say('done');
  console.log(renderTable(sections));

  const wrong = findWrong(sections);
  console.log(wrong.length === 0 ? '\nEvery count is as it must be.' : `\nNot as they must be:\n${wrong.join('\n')}`);
  return wrong.length === 0 ? 0 : 1;
}

/** How many objects; undefined when the flags make no sense. */
function readOptions(args: string[]): number | 'help' | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: { objects: { type: 'string', default: '100' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return 'help';
    const objects = Number(values.objects);
    if (Number.isSafeInteger(objects) && objects >= 1 && objects <= 1_000) return objects;
    console.error(`--objects ${values.objects} is no number from 1 to 1000.\n`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n`);
  }
  return undefined;
}

try {
  process.exitCode = await main();
  // Whatever was under way at a Ctrl-C shall not go on.
  if (process.exitCode === 130) process.exit();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
