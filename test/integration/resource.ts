import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { kubectl } from '../support/shared-cluster.ts';

const crds = join(import.meta.dirname, '../../crds');

/** The least a spec must hold. */
export const selectors = { region: { name: 'New York 1' }, package: { id: 3 }, osTemplate: { name: 'Debian' } };

/** What kubectl printed: its answer, or its complaint. */
export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** kubectl in one namespace of the shared cluster, for VirtualMachines. */
export interface Resource {
  /** Installs the definition, makes the namespace, and waits until the resource is served. */
  install(): Promise<void>;
  /** Runs kubectl and answers what it printed; a failure fails the test. */
  succeed(...args: readonly string[]): Promise<string>;
  /** Stores an object; a refusal fails the test. */
  apply(name: string, spec: object): Promise<void>;
  /** Has a new object judged without keeping it; `text` is the object as JSON, or the refusal. */
  tryOut(spec: object): Promise<Answer>;
  /** Merges `body` into a stored object; null takes a field out. */
  patch(name: string, body: object, ...flags: readonly string[]): Promise<Answer>;
  /** The stored object. */
  read(name: string): Promise<unknown>;
}

export function resourceIn(namespace: string): Resource {
  async function call(args: readonly string[], input = ''): Promise<Answer> {
    const { code, stdout, stderr } = await kubectl(['--namespace', namespace, ...args], { input });
    return code === 0 ? { ok: true, text: stdout } : { ok: false, text: stderr };
  }
  async function succeed(args: readonly string[], input?: string): Promise<string> {
    const { ok, text } = await call(args, input);
    expect(text, `kubectl ${args.join(' ')}`).toSatisfy(() => ok);
    return text;
  }
  return {
    async install() {
      // Other suites install it at the same moment, and only one create wins.
      await vi.waitFor(() => succeed(['apply', '-f', crds]), { timeout: 60_000, interval: 200 });
      // It may be there from an earlier run.
      await call(['create', 'namespace', namespace]);
      // A new resource is served a moment after it was accepted.
      await vi.waitFor(() => succeed(['get', 'vps']), { timeout: 60_000, interval: 200 });
    },
    succeed: (...args) => succeed(args),
    async apply(name, spec) {
      await succeed(['apply', '-f', '-'], objectOf(name, spec));
    },
    tryOut: (spec) => call(['apply', '--dry-run=server', '-o', 'json', '-f', '-'], objectOf('tried', spec)),
    patch: (name, body, ...flags) => call(['patch', 'vps', name, '--type=merge', '-p', JSON.stringify(body), ...flags]),
    async read(name) {
      return JSON.parse(await succeed(['get', 'virtualmachine', name, '-o', 'json'])) as unknown;
    },
  };
}

function objectOf(name: string, spec: object): string {
  return JSON.stringify({ apiVersion: 'vps247.com/v1alpha1', kind: 'VirtualMachine', metadata: { name }, spec });
}
