/**
 * A step of `npm run verify`: applies all objects for the Prometheus Operator, from the chart, kustomize and pages, to a real API server with
 * its CRDs. The API server must accept every field and store it unchanged. Each monitor must select only the metrics port of the operator
 * that it is installed with. The Prometheus Operator's webhook only validates PromQL, which the step `promtool` covers.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Manifest, parseManifests } from '../../test/packaging/manifests.ts';
import { fences } from '../../test/support/documented.ts';
import { pages } from '../../test/support/pages.ts';
import { ensureComponents } from '../control-plane/components.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { definitions as schemas } from '../generate/chart/definitions.ts';
import { renderChart } from '../../test/support/helm.ts';
import { definitionsOf, isPrometheusOperators } from '../../test/support/prometheus-operator.ts';
import { type Target, targetsOf } from '../../test/support/scrape-targets.ts';
import { demand } from './chart-values.ts';
import { valuesLeftOut, variants } from './monitored-values.ts';

/** Objects that are applied together, and what a monitor among them must select. */
interface Bundle {
  readonly what: string;
  readonly objects: readonly Manifest[];
  readonly target: Target;
}

const root = path.join(import.meta.dirname, '../..');
const out = path.join(root, '.out/verify/monitors');
const monitors = ['ServiceMonitor', 'PodMonitor'];
const kinds = [...monitors, 'PrometheusRule', 'ScrapeConfig'];
const usual = { namespace: 'vps247-system', workload: 'Deployment/vps247-operator', port: 8080, path: '/metrics' };

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { kubectl: program } = await ensureComponents(['kubectl']);
const { version, definitions } = await definitionsOf(kinds);
await using plane = await startControlPlane({ logDir: path.join(out, 'logs') });

/** Runs kubectl with these objects on its standard input. */
function kubectl(args: readonly string[], objects: readonly Manifest[] = []) {
  // One document for each object: for a List, kubectl would validate fields itself instead of on the server.
  const documents = objects.map((manifest) => {
    const { file: _, ...object } = manifest;
    return JSON.stringify(object);
  });
  const common = ['--kubeconfig', plane.kubeconfigPath, '--cache-dir', path.join(out, 'cache')];
  return spawnSync(program, [...common, ...args], {
    cwd: root,
    input: documents.join('\n---\n'),
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
}

/** What it printed. */
function succeed(what: string, args: readonly string[], objects?: readonly Manifest[]): string {
  const { status, stdout, stderr } = kubectl(args, objects);
  demand(status === 0, `${what}: ${stderr}`);
  return stdout;
}

const fromInput = ['--filename', '-'];
const apply = ['apply', '--server-side', '--validate=strict', ...fromInput];

/** The objects for the Prometheus Operator, and those that monitors select; other steps check the rest. */
function relevant(text: string): readonly Manifest[] {
  return parseManifests(text, 'objects').filter(
    (object) => isPrometheusOperators(object) || object.kind === 'Service' || object.kind === 'Deployment',
  );
}

async function rendered(variant: (typeof variants)[number]): Promise<Bundle> {
  const { what, values, namespace, release = 'vps247-operator', name = release, port = usual.port } = variant;
  const { text, complaint } = await renderChart(values, { release, namespace, args: ['--no-hooks'] });
  demand(complaint === '', `${what}: ${complaint}`);
  return { what, objects: relevant(text), target: { ...usual, namespace, workload: `Deployment/${name}`, port } };
}

function built(what: string, folder: string, namespace: string): Bundle {
  return { what, objects: relevant(succeed(what, ['kustomize', folder])), target: { ...usual, namespace } };
}

/** A user's overlay that moves all objects into another namespace. */
function builtElsewhere(): Bundle {
  const folder = path.join(out, 'elsewhere');
  mkdirSync(folder);
  const ours = path.relative(folder, path.join(root, 'deploy/kustomize/overlays/monitored'));
  writeFileSync(path.join(folder, 'kustomization.yaml'), `resources: [${ours}]\nnamespace: elsewhere\n`);
  return built('overlays/monitored in another namespace', folder, 'elsewhere');
}

const shown = pages.flatMap((page) =>
  fences(page)
    .filter(({ language, text }) => language === 'yaml' && text.includes('apiVersion: monitoring.coreos.com'))
    .map(({ line, text }): Bundle => ({ what: `${page}:${line}`, objects: relevant(text), target: usual })),
);
const bundles: readonly Bundle[] = [
  ...(await Promise.all(variants.map(rendered))),
  built('overlays/monitored', 'deploy/kustomize/overlays/monitored', usual.namespace),
  builtElsewhere(),
  ...shown,
].filter(({ objects }) => objects.some(isPrometheusOperators));
demand(valuesLeftOut().length === 0, `no variant gives ${valuesLeftOut().join(', ')}`);

succeed('the definitions', ['apply', '--server-side', ...fromInput], definitions);
succeed('the definitions', ['wait', '--for=condition=Established', '--timeout=30s', ...fromInput], definitions);
const all = bundles.flatMap(({ objects }) => objects);
const namespaces = [...new Set(all.map(({ metadata }) => metadata.namespace ?? ''))].map((name) => ({
  file: '',
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
}));
succeed('the namespaces', ['apply', '--server-side', ...fromInput], namespaces);
console.log(`✓ Prometheus Operator ${version}: its definitions of ${kinds.join(', ')} are served`);

for (const { what, objects } of bundles) succeed(what, apply, objects);
const kept = new Map(
  (
    JSON.parse(succeed('what is kept', ['get', '--output', 'json', ...fromInput], all)).items as readonly Manifest[]
  ).map((object) => [keyOf(object), object]),
);
for (const { what, objects } of bundles) {
  for (const object of objects.filter(isPrometheusOperators)) {
    const { metadata, spec } = kept.get(keyOf(object)) ?? object;
    const written = [object['spec'], object.metadata.labels ?? {}, annotationsOf(object)];
    const found = [spec, metadata.labels ?? {}, annotationsOf({ ...object, metadata })];
    demand(kept.has(keyOf(object)), `${what}: ${keyOf(object)} is not there`);
    const both = `${JSON.stringify(written)}\n${JSON.stringify(found)}`;
    demand(isDeepStrictEqual(found, written), `${what}: ${keyOf(object)} was written so and is kept so:\n${both}`);
  }
}
const counts = kinds.map((kind) => `${all.filter((object) => object.kind === kind).length} ${kind}`);
console.log(
  `✓ ${counts.join(', ')} of ${bundles.length} renderings, overlays and pages: no field unknown, none dropped or changed`,
);

for (const { what, objects, target } of bundles) {
  for (const monitor of objects.filter(({ kind }) => monitors.includes(kind))) {
    const targets = targetsOf(kept.get(keyOf(monitor)) ?? monitor, [...kept.values()]);
    const both = `${JSON.stringify(targets)}\ninstead of\n${JSON.stringify([target])}`;
    demand(isDeepStrictEqual(targets, [target]), `${what}: ${keyOf(monitor)} leads to\n${both}`);
  }
}
const deployments = [...kept.values()].filter(({ kind }) => kind === 'Deployment').length;
console.log(`✓ each monitor selects the metrics of its operator, and of none of the ${deployments} beside it`);

const [shownMonitor] = shown.flatMap(({ objects }) => objects);
if (shownMonitor === undefined) throw new Error('no page shows a monitor');
const misspelt = { ...shownMonitor, spec: { ...shownMonitor['spec'], scrapeTimeOut: '10s' } };
const { status, stderr } = kubectl([...apply, '--dry-run=server'], [misspelt]);
demand(status !== 0 && stderr.includes('scrapeTimeOut'), `a misspelt field is not refused: ${stderr}`);
console.log(`✓ a misspelt field would be refused: ${stderr.trim().split('\n').at(-1)}`);

const [pattern, ...others] = new Set(definitions.flatMap((definition) => patternsOf(definition, 'interval')));
demand(others.length === 0, `the definitions differ in what a duration is: ${others.join(', ')}`);
const own = schemas['prometheusDuration']?.['pattern'];
demand(
  pattern !== undefined && own === pattern,
  `the chart takes ${String(own)} for a duration, the definitions ${pattern}`,
);
console.log('✓ values of the chart that are durations are just those that the definitions take');

function keyOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

function annotationsOf({ metadata }: Manifest): unknown {
  return (metadata as { readonly annotations?: unknown }).annotations ?? {};
}

/** The patterns of all fields of this name, at any depth. */
function patternsOf(schema: unknown, name: string): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === name && typeof value?.pattern === 'string' ? [value.pattern as string] : patternsOf(value, name),
  );
}
