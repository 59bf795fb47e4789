import { expect, test } from 'vitest';
import { groups } from './configurations.ts';

/** All that the operator can ask for, and all that happens by itself. */
const everything =
  'intent record hint withdrawal release status reread read CreateMachine StartMachine StopMachine RestartMachine KillMachine ' +
  'DeleteMachine reconciliation watch conflict list machine catchUp lands sinks clock repair';

test('every kind of step is taken by a group of configurations', () => {
  const taken = new Set(groups.flatMap(({ takes }) => takes.split(' ')));
  expect(everything.split(' ').filter((kind) => !taken.has(kind))).toEqual([]);
});
