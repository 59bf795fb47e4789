import type { AccountStatus } from '../../src/api/v1alpha1/account-types.ts';
import type { Condition } from '../../src/api/v1alpha1/types.ts';
import type { AccountObject } from '../../src/kubectl-vps/accounts.ts';
import type { World } from '../../src/kubectl-vps/context.ts';
import type { ExitCode } from '../../src/kubectl-vps/failure.ts';
import { Kubectl, type KubectlResult } from '../../src/kubectl-vps/kubectl.ts';
import type { Vm } from '../../src/kubectl-vps/objects.ts';
import { run } from '../../src/kubectl-vps/run.ts';

interface Stored {
  apiVersion?: string;
  metadata: Record<string, unknown> & { name: string; namespace: string; resourceVersion: string; generation: number };
  spec: Record<string, unknown>;
  status?: Record<string, unknown>;
}

const now = Date.parse('2026-01-02T03:04:05Z');
/** A time before `now`, as the API server writes it. */
export const ago = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();

export function condition(type: Condition['type'], status: Condition['status'], reason: string, message = 'a message') {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime: ago(60) };
}

/** An Account with an up-to-date inventory. */
export function account(
  name: string,
  {
    namespace = 'default',
    ...more
  }: Pick<AccountObject, 'spec'> & { namespace?: string; status?: Partial<AccountStatus> } = {},
): AccountObject {
  const ready = { status: 'True', reason: 'InventoryCurrent', message: 'a message' } as const;
  return {
    apiVersion: 'vps247.com/v1alpha1',
    metadata: { name, namespace },
    spec: { credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' }, ...more.spec },
    status: {
      observedGeneration: 1,
      ownerId: 7,
      conditions: [{ type: 'Ready', ...ready, observedGeneration: 1, lastTransitionTime: ago(60) }],
      ...more.status,
    },
  };
}

/** A VM that runs as its spec says. */
export function vm(name: string, more: Partial<Pick<Vm, 'spec' | 'status'>> & { metadata?: object } = {}): Stored {
  const stored = {
    apiVersion: 'vps247.com/v1alpha1',
    kind: 'VirtualMachine',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-of-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: ago(3 * 86_400),
      ...more.metadata,
    },
    spec: { powerState: 'Running', managementPolicy: 'Manage', ...more.spec },
    status: {
      observedGeneration: 1,
      id: 1001,
      providerName: `${name}-0a1b2c3d`,
      origin: 'Created',
      ownerId: 7,
      state: 'Running',
      deletionPolicy: 'Delete',
      addresses: [{ version: 4, address: '198.18.0.1' }],
      region: { id: 1, name: 'Amsterdam 1' },
      package: { id: 2, name: 'Standard' },
      osTemplate: { id: 1, name: 'Debian 13 x64' },
      conditions: [
        condition('Ready', 'True', 'Available', 'VM 1001 is running; matches the spec'),
        condition('CredentialsValid', 'True', 'Accepted'),
      ],
      ...more.status,
    },
  };
  // `as`: a copy that the fake changes.
  return structuredClone(stored) as unknown as Stored;
}

export interface Outcome {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** A kubectl with objects in memory. It records every call. */
export class FakeKubectl {
  readonly objects: Stored[];
  readonly calls: (readonly string[])[] = [];
  events: readonly object[] = [];
  secrets: Readonly<Record<string, object>> = {};
  accounts: readonly AccountObject[] = [];
  /** The result of calls that contain this word, instead of the usual one. */
  readonly failures = new Map<string, Partial<KubectlResult>>();
  /** Runs before each call. */
  before: (args: readonly string[]) => void = () => {};
  /** What the API server makes of a patched object. */
  admit: (object: Stored) => void = () => {};

  constructor(...objects: readonly Stored[]) {
    this.objects = [...objects];
  }

  /** Calls that could change something: all but `get`. */
  writes(): readonly (readonly string[])[] {
    return this.calls.filter((args) => !args.includes('get'));
  }

  answer(args: readonly string[], input?: string): KubectlResult {
    this.calls.push(args);
    this.before(args);
    for (const [word, result] of this.failures)
      if (args.some((arg) => arg.includes(word))) return { code: 1, stdout: '', stderr: '', ...result };
    const words = args.filter((arg) => !arg.startsWith('-'));
    const namespace = args.findLast((arg) => arg.startsWith('--namespace='))?.slice('--namespace='.length) ?? 'default';
    const [verb, kind, ...names] = words;
    if (verb === 'delete') return this.#delete(args, input);
    if (verb === 'patch') return this.#patch(namespace, names[0] ?? '', args);
    if (kind === 'events') return json({ items: this.events });
    if (kind === 'accounts.vps247.com') return this.#getAccounts(namespace, names[0], args);
    if (kind === 'secret') return json(this.secrets[names[0] ?? ''] ?? {});
    const inScope = args.includes('--all-namespaces')
      ? this.objects
      : this.objects.filter(({ metadata }) => metadata.namespace === namespace);
    if (args.includes('--output=name')) return text(inScope.map(({ metadata }) => `vps/${metadata.name}\n`).join(''));
    if (names.length === 0) return json({ items: inScope });
    const found = inScope.filter(({ metadata }) => names.includes(metadata.name));
    const lost = names.find((name) => !found.some(({ metadata }) => metadata.name === name));
    if (lost !== undefined) return notFound(lost);
    return json(names.length === 1 ? found[0] : { items: found });
  }

  #getAccounts(namespace: string, name: string | undefined, args: readonly string[]): KubectlResult {
    const items = this.accounts.filter(({ metadata }) => metadata.namespace === namespace);
    if (args.includes('--output=name')) return text(items.map(({ metadata }) => `a/${metadata.name}\n`).join(''));
    if (name === undefined) return json({ items });
    const found = items.find(({ metadata }) => metadata.name === name);
    return found === undefined ? notFound(name, 'accounts') : json(found);
  }

  #patch(namespace: string, name: string, args: readonly string[]): KubectlResult {
    const stored = this.objects.find((one) => one.metadata.name === name && one.metadata.namespace === namespace);
    if (stored === undefined) return notFound(name);
    const patch = JSON.parse(args.find((arg) => arg.startsWith('--patch='))?.slice('--patch='.length) ?? '');
    const expected = patch.metadata?.resourceVersion;
    if (expected !== undefined && expected !== stored.metadata.resourceVersion) return conflict;
    if (patch.metadata?.uid !== undefined && patch.metadata.uid !== stored.metadata['uid']) return replaced;
    const copy = structuredClone(stored);
    // `as`: an interface has no index signature.
    merge(copy as object as Record<string, unknown>, patch);
    this.admit(copy);
    copy.metadata.resourceVersion = `${Number(stored.metadata.resourceVersion) + 1}`;
    if (patch.spec !== undefined) copy.metadata.generation += 1;
    if (!args.includes('--dry-run=server')) Object.assign(stored, copy);
    return json(copy);
  }

  #delete(args: readonly string[], input = ''): KubectlResult {
    const path = args.find((arg) => arg.startsWith('--raw=')) ?? '';
    const at = this.objects.findIndex(({ metadata }) =>
      path.endsWith(`/${metadata.namespace}/virtualmachines/${metadata.name}`),
    );
    const stored = this.objects[at];
    if (stored === undefined) return notFound(path);
    if (JSON.parse(input).preconditions.resourceVersion !== stored.metadata.resourceVersion) return conflict;
    this.objects.splice(at, 1);
    return json({});
  }
}

function merge(target: Record<string, unknown>, patch: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else if (typeof value === 'object') {
      const inner = { ...(typeof target[key] === 'object' ? target[key] : {}) };
      // `as`: a patch consists of maps and plain values.
      merge(inner, value as Readonly<Record<string, unknown>>);
      target[key] = inner;
    } else target[key] = value;
  }
}

const text = (stdout: string): KubectlResult => ({ code: 0, stdout, stderr: '' });
const json = (value: unknown): KubectlResult => text(JSON.stringify(value));
const notFound = (name: string, plural = 'virtualmachines'): KubectlResult => ({
  code: 1,
  stdout: '',
  stderr: `Error from server (NotFound): ${plural}.vps247.com "${name}" not found\n`,
});
const conflict: KubectlResult = {
  code: 1,
  stdout: '',
  stderr:
    'Error from server (Conflict): the object has been modified; please apply your changes to the latest version\n',
};

const replaced: KubectlResult = {
  code: 1,
  stdout: '',
  stderr: 'The VirtualMachine "web" is invalid: metadata.uid: Invalid value: "another": field is immutable\n',
};

export interface TestWorld {
  readonly answer?: string;
  readonly hasColors?: boolean;
  readonly input?: string;
  readonly files?: Map<string, string>;
  readonly executed?: (readonly string[])[];
  readonly executeCode?: number;
  /** Runs at each poll of `--wait`. */
  readonly onSleep?: (elapsed: number) => void;
}

/** Runs a command line, split at spaces, or given as words. */
export async function vps(
  fake: FakeKubectl,
  command: string | readonly string[],
  { answer, hasColors = false, input = '', files = new Map(), executed = [], executeCode = 0, onSleep }: TestWorld = {},
): Promise<Outcome> {
  let [stdout, stderr, elapsed] = ['', '', 0];
  const world: World = {
    kubectl: (globals) =>
      new Kubectl(
        async (args, sent) => fake.answer(args, sent),
        globals,
        (line) => void (stderr += `${line}\n`),
      ),
    screen: {
      hasColors,
      print: (line) => void (stdout += `${line}\n`),
      note: (line) => void (stderr += `${line}\n`),
      progress: (line) => void (stderr += line === undefined ? '' : `[${line}]\n`),
      async ask(question) {
        stderr += `${question}\n`;
        return answer;
      },
    },
    now: () => now + elapsed,
    async sleep(milliseconds) {
      elapsed += milliseconds;
      onSleep?.(elapsed);
    },
    async execute(...call) {
      executed.push(call.flat());
      return executeCode;
    },
    readInput: async () => input,
    readFile: (file) => files.get(file),
    writeFile: (file, content) => void files.set(file, content),
  };
  const code = await run(typeof command === 'string' ? command.split(' ') : command, world, '0.1.0');
  return { code, stdout, stderr };
}
