import { describe, expect, test } from 'vitest';
import { type Exploration, explore, type Violation } from './checker.ts';
import { type Group, startOf } from './configurations.ts';
import { invariants } from './invariants.ts';
import { createModel } from './model.ts';
import { loadSubject } from './subject.ts';

const limits = { states: 200_000 };

/** Explores the configurations of a group; each group has a separate file, so that they run in parallel. */
export function describeGroup(title: string, { configurations, takes }: Group): void {
  const explorations: Exploration[] = [];

  describe(title, async () => {
    const subject = await loadSubject();

    test.each(configurations)('$name', { timeout: 300_000 }, async (configuration) => {
      const start = await startOf(subject, configuration);
      const found = await explore(createModel(subject, start), invariants, limits);
      explorations.push(found);
      // oxlint-disable-next-line no-console -- The number of states shows what the result covers.
      console.log(`model: ${found.states} states, ${found.transitions} transitions, depth ${found.depth}`);
      expect(found.violation, found.violation && inWords(found.violation)).toBeUndefined();
      const untaken = Object.keys(configuration.left).filter((misfortune) => !found.taken.has(misfortune));
      expect(untaken, 'a misfortune that was to come never came').toEqual([]);
    });

    test('all kinds of step of the group are taken', ({ skip }) => {
      skip(explorations.length < configurations.length, 'not all were explored');
      expect(takes.split(' ').filter((kind) => !explorations.some(({ taken }) => taken.has(kind)))).toEqual([]);
    });
  });
}

function inWords({ invariant, trace }: Violation): string {
  return [`${invariant}: broken by`, ...trace.map((line, index) => `${index + 1}. ${line}`)].join('\n');
}
