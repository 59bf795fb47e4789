import type { FaultMatch, FaultRule } from './fault-rule.ts';
import { pathPattern, type Operation } from './operations.ts';

/** What a rule is matched against. */
export interface FaultSubject {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly key: string | undefined;
  readonly machineName: string | undefined;
}

/** The counts of a rule that was added. */
export interface FaultHandle {
  readonly id: number;
  /** Calls that matched. */
  readonly matches: number;
  /** Calls that the fault was applied to. */
  readonly hits: number;
  remove(): void;
}

interface Entry {
  readonly id: number;
  readonly rule: FaultRule;
  matches: number;
  hits: number;
}

/** The rules in force. All rules that match a call count it; the oldest one that isn't used up applies. */
export class Faults {
  readonly #entries = new Map<number, Entry>();
  #nextId = 1;

  add(rule: FaultRule): FaultHandle {
    const entry: Entry = { id: this.#nextId++, rule, matches: 0, hits: 0 };
    this.#entries.set(entry.id, entry);
    return {
      id: entry.id,
      get matches() {
        return entry.matches;
      },
      get hits() {
        return entry.hits;
      },
      remove: () => void this.#entries.delete(entry.id),
    };
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The rule that applies to this call, if any. */
  strike(subject: FaultSubject): FaultRule | undefined {
    let struck: FaultRule | undefined;
    for (const entry of this.#entries.values()) {
      const { rule } = entry;
      if (!isMatch(rule, subject)) continue;
      entry.matches += 1;
      const isSpent = rule.times !== 'always' && entry.hits >= (rule.times ?? 1);
      if (struck !== undefined || isSpent || entry.matches < (rule.nth ?? 1)) continue;
      entry.hits += 1;
      struck = rule;
    }
    return struck;
  }

  /** The rules with their counts, as JSON, without the keys that they match. */
  list(): readonly unknown[] {
    return [...this.#entries.values()].map(({ id, matches, hits, rule }) => {
      const path = rule.path?.toString();
      const machine = rule.machine?.toString();
      const key = rule.key === undefined ? undefined : '[key]';
      return { id, matches, hits, rule: { ...rule, path, machine, key } };
    });
  }
}

function isMatch(match: FaultMatch, subject: FaultSubject): boolean {
  return (
    (match.method === undefined || match.method.toUpperCase() === subject.method) &&
    (match.operation === undefined || match.operation === subject.operation) &&
    (match.key === undefined || match.key === subject.key) &&
    (match.path === undefined || isPath(match.path, subject.path)) &&
    (match.machine === undefined || isMachine(match.machine, subject.machineName))
  );
}

function isPath(pattern: string | RegExp, path: string): boolean {
  return (typeof pattern === 'string' ? pathPattern(pattern) : pattern).test(path);
}

function isMachine(pattern: string | RegExp, name: string | undefined): boolean {
  if (name === undefined) return false;
  return typeof pattern === 'string' ? pattern === name : pattern.test(name);
}
