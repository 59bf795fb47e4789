import { posix } from 'node:path';
import { importsOf, type Source } from './sources.ts';

interface Folder {
  /** Other folders it may import, and why no more. */
  readonly folders: readonly string[];
  /** Packages and `node:` for Node's own modules. */
  readonly packages: readonly string[];
  readonly reason: string;
}

/** Which way imports between the folders of the two programs may go. A folder that is missing here may not exist. */
export const arrows: Readonly<Record<string, Folder>> = {
  api: {
    folders: ['domain'],
    packages: [],
    reason: 'the resource is data; everything may speak of it, it speaks of nothing but the words everything shares',
  },
  domain: { folders: [], packages: [], reason: 'the words everything shares' },
  telemetry: {
    folders: ['domain'],
    packages: [
      'node:',
      'winston',
      'prom-client',
      '@opentelemetry/api',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace',
    ],
    reason: 'lines and numbers know secrets and nothing else, so that everything can use them',
  },
  config: { folders: ['domain'], packages: [], reason: 'settings are read from text, before anything else is there' },
  plan: {
    folders: ['api', 'domain'],
    packages: ['big.js'],
    reason: 'decisions are pure: no clock, log, I/O or randomness',
  },
  provider: {
    folders: ['domain', 'telemetry'],
    packages: ['node:', 'got', 'p-retry'],
    reason: 'the provider knows no Kubernetes',
  },
  kubernetes: {
    folders: ['domain', 'telemetry'],
    packages: ['node:', '@kubernetes/client-node', 'undici'],
    reason: 'Kubernetes knows no provider and no particular resource',
  },
  controller: {
    folders: ['api', 'domain', 'telemetry', 'plan', 'provider'],
    packages: [],
    reason: 'the work queue, the workers, and the indexes of objects; it reconciles nothing itself',
  },
  'kubernetes/leader-election': {
    folders: ['kubernetes', 'domain', 'telemetry'],
    packages: ['node:'],
    reason: 'the Lease is one Kubernetes object, and knows nothing of the work it protects',
  },
  'kubernetes/cache': {
    folders: ['kubernetes', 'domain', 'telemetry'],
    packages: [],
    reason: 'it turns events into keys and decides nothing',
  },
  status: {
    folders: ['api', 'domain', 'plan', 'kubernetes'],
    packages: [],
    reason: 'it says what was planned and observed, and calls no provider',
  },
  reconcile: {
    folders: [
      'api',
      'domain',
      'telemetry',
      'plan',
      'provider',
      'kubernetes',
      'kubernetes/cache',
      'controller',
      'status',
    ],
    packages: ['node:', 'croner'],
    reason: 'where all comes together; settings reach it as values',
  },
  startup: {
    folders: ['api', 'domain', 'telemetry', 'kubernetes'],
    packages: [],
    reason: 'what has to be so before work begins knows nothing of the work',
  },
  'kubectl-vps': {
    folders: ['api', 'domain'],
    packages: ['node:'],
    reason: 'the plugin has only kubectl, and shares the tables of the API with the operator',
  },
  emulator: {
    folders: [],
    packages: ['node:'],
    reason: 'a second opinion on the provider shares no code with the first',
  },
};

/** The files directly in src compose everything. Nothing imports them but each other: main.ts, operator.ts, the controllers. */
const composition: ReadonlySet<string> = new Set([
  'src/main.ts',
  'src/operator.ts',
  'src/virtual-machine-controller.ts',
]);

/** One sentence for each import that goes the wrong way. */
export function wrongImports(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    importsOf(text).flatMap((specifier) => wrongImport(path, specifier) ?? []),
  );
}

/** One sentence for each permission of the table that no import uses. */
export function unusedPermissions(
  sources: readonly Source[],
  table: Readonly<Record<string, Folder>> = arrows,
): string[] {
  const used = new Set(
    sources.flatMap(({ path, text }) =>
      importsOf(text).map((specifier) => `${folderOf(path)} → ${nameOf(path, specifier)}`),
    ),
  );
  return Object.entries(table).flatMap(([folder, { folders, packages }]) =>
    [...folders, ...packages]
      .filter((name) => !used.has(`${folder} → ${name}`))
      .map((name) => `src/${folder} may import ${name}, but doesn't: remove the permission`),
  );
}

/** The name that the table has for what is imported: a folder of src, a package, or `node:`. */
function nameOf(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return folderOf(posix.join(posix.dirname(path), specifier));
  return specifier.startsWith('node:') ? 'node:' : specifier;
}

function wrongImport(path: string, specifier: string): string | undefined {
  if (composition.has(path)) return undefined;
  const folder = folderOf(path);
  const rule = arrows[folder];
  if (rule === undefined) return `${path} is in no known folder: add ${folder} to the arrows`;
  if (!specifier.startsWith('.')) {
    const isAllowed = rule.packages.some((name) =>
      name === 'node:' ? specifier.startsWith(name) : specifier === name,
    );
    return isAllowed ? undefined : `${path} imports the package ${specifier}: ${rule.reason}`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (!/^(src|emulator)\//.test(target))
    return `${path} imports ${target}: what runs does not depend on what builds and tests it`;
  const targetFolder = folderOf(target);
  if (targetFolder === folder || rule.folders.includes(targetFolder)) return undefined;
  return `${path} imports ${target}: ${rule.reason}`;
}

/** `src/plan/power.ts` → `plan`, `emulator/fleet.ts` → `emulator`; a folder in a folder can have its own row. */
function folderOf(path: string): string {
  const [top = '', folder = '', inner] = path.split('/');
  if (top !== 'src') return top;
  const nested = `${folder}/${inner}`;
  return nested in arrows ? nested : folder;
}
