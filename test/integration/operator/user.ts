import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import type { OperatorFixture } from './fixture.ts';

/** What a user does with kubectl: changes and reads objects. */
export interface User {
  /** Changes fields of the spec; null takes one away. */
  change(name: string, spec: Readonly<Record<string, unknown>>): Promise<void>;
  /** Sets annotations of `vps247.com`; null takes one away. */
  annotate(name: string, values: Readonly<Record<string, string | null>>): Promise<void>;
  /** Waits until the object meets the condition, and returns it. */
  until(name: string, what: string, isTrue: (object: VirtualMachine) => boolean): Promise<VirtualMachine>;
  /** Waits until the condition is `status/reason`. */
  untilCondition(name: string, type: string, expected: string): Promise<VirtualMachine>;
  /** Waits until the provider's list was read so often again: who would have acted has. */
  untilListed(times: number): Promise<void>;
  /** Events of the object, each as `type reason count`, oldest first. */
  events(name: string): Promise<readonly string[]>;
  /** kubectl in the stage's namespace; answers what it prints, and rejects with its words when it fails. */
  kubectl(...args: readonly string[]): Promise<string>;
}

export function userAt(fixture: OperatorFixture): User {
  const { cluster, emulator, namespace } = fixture;
  const lists = (): number => emulator.ledger.callsByOperation().ListMachines ?? 0;

  async function run(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await kubectl(['-n', namespace, ...args]);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function until(
    name: string,
    what: string,
    isTrue: (object: VirtualMachine) => boolean,
  ): Promise<VirtualMachine> {
    let seen: VirtualMachine | undefined;
    await cluster
      .until(`${name}: ${what}`, async () => {
        seen = await fixture.object(name);
        return seen !== undefined && isTrue(seen);
      })
      .catch((error: unknown) => {
        throw new Error(`${String(error)}; it is ${JSON.stringify(seen?.status)}`, { cause: error });
      });
    if (seen === undefined) throw new Error(`${name} is gone`);
    return seen;
  }

  return {
    change: (name, spec) => cluster.patch(namespace, name, { spec }),
    annotate: (name, values) => {
      const annotations = Object.fromEntries(
        Object.entries(values).map(([key, value]) => [`vps247.com/${key}`, value]),
      );
      return cluster.patch(namespace, name, { metadata: { namespace, name, annotations } });
    },
    until,
    untilCondition: (name, type, expected) =>
      until(name, `${type} is ${expected}`, (object) => conditionOf(object, type) === expected),
    async untilListed(times) {
      const before = lists();
      await cluster.until(`${times} lists`, async () => lists() >= before + times);
    },
    async events(name) {
      const list = JSON.parse(await run('get', 'events.events.k8s.io', '-o', 'json')) as {
        readonly items: readonly {
          readonly type: string;
          readonly reason: string;
          readonly eventTime: string;
          readonly series?: { readonly count: number };
          readonly regarding: { readonly name: string };
        }[];
      };
      return list.items
        .filter(({ regarding }) => regarding.name === name)
        .toSorted((a, b) => a.eventTime.localeCompare(b.eventTime))
        .map(({ type, reason, series }) => `${type} ${reason} ${series?.count ?? 1}`);
    },
    kubectl: run,
  };
}

/** A condition as `status/reason`, such as `True/Paused`; `-` when the object has none of the type. */
export function conditionOf(object: VirtualMachine | undefined, type: string): string {
  const found = object?.status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? '-' : `${found.status}/${found.reason}`;
}
