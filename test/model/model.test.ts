import { describe, expect, test } from 'vitest';
import { type Exploration, explore, type Violation } from './checker.ts';
import { configurations, startOf } from './configurations.ts';
import { invariants } from './invariants.ts';
import { createModel } from './model.ts';
import { loadSubject } from './subject.ts';

const limits = { states: 200_000 };
const subject = await loadSubject();
const explorations: Exploration[] = [];

describe('a machine', () => {
  test.each(configurations)('$name', { timeout: 300_000 }, async (configuration) => {
    const start = await startOf(subject, configuration);
    const found = await explore(createModel(subject, start), invariants, limits);
    explorations.push(found);
    // oxlint-disable-next-line no-console -- How much was looked at is what makes the result worth something.
    console.log(`model: ${found.states} states, ${found.transitions} transitions, depth ${found.depth}`);
    expect(found.violation, found.violation && inWords(found.violation)).toBeUndefined();
    const untaken = Object.keys(configuration.left).filter((misfortune) => !found.taken.has(misfortune));
    expect(untaken, 'a misfortune that was to come never came').toEqual([]);
  });
});

/** All that the operator can ask for, and all that happens by itself. */
const everything =
  'intent record hint withdrawal release status reread read CreateMachine StartMachine StopMachine KillMachine DeleteMachine ' +
  'pass watch conflict list machine catchUp lands sinks clock mend';

test('every kind of step was taken somewhere', ({ skip }) => {
  skip(explorations.length < configurations.length, 'not all were explored');
  expect(everything.split(' ').filter((kind) => !explorations.some(({ taken }) => taken.has(kind)))).toEqual([]);
});

function inWords({ invariant, trace }: Violation): string {
  return [`${invariant}: broken by`, ...trace.map((line, index) => `${index + 1}. ${line}`)].join('\n');
}
