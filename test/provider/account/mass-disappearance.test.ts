import { expect, test } from 'vitest';
import type { ProviderId } from '../../../src/domain/machine.ts';
import { type Disappearance, afterComparison, isMass } from '../../../src/provider/account/mass-disappearance.ts';

const minute = 60_000;

test.for<[reason: string, vanished: number, of: number, verdict: boolean]>([
  ['none', 0, 0, false],
  ['all of a few may go by chance', 3, 3, false],
  ['four of four do not', 4, 4, true],
  ['four of nineteen are more than a fifth', 4, 19, true],
  ['four of twenty are a fifth and no more', 4, 20, false],
  ['a fifth of many', 2_000, 10_000, false],
  ['more than a fifth of many', 2_001, 10_000, true],
])('%s: %i of %i', ([, vanished, of, verdict]) => {
  expect(isMass(vanished, of)).toBe(verdict);
});

/** Ids from `first` to `last`. */
function ids(first: number, last: number): ReadonlySet<ProviderId> {
  return new Set(Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

interface Step {
  /** When the list started, in minutes. */
  readonly at: number;
  readonly lacks: ReadonlySet<ProviderId>;
  /** What we are deleting. */
  readonly leaving?: ReadonlySet<ProviderId>;
  /** Looked for since the list before, which did not show them. */
  readonly since?: ReadonlySet<ProviderId>;
  /** Those of them that an earlier process was deleting. */
  readonly going?: ReadonlySet<ProviderId>;
}

const all = ids(1, 40);
const none = new Set<ProviderId>();

/** Lists of an account of 40 machines, after one that showed them all. */
function sweep(...steps: readonly Step[]): readonly Disappearance[] {
  let shown = all;
  let waves: readonly Disappearance[] = [];
  for (const { at, lacks, leaving = none, since = none, going = none } of steps) {
    waves = afterComparison(waves, {
      startedAt: at * minute,
      expected: new Set([...shown, ...since]),
      isListed: (id) => all.has(id) && !lacks.has(id),
      isDeleting: (id) => leaving.has(id),
      mayBeDeleted: (id) => going.has(id),
    });
    shown = new Set([...all].filter((id) => !lacks.has(id)));
  }
  return waves;
}

test.for<[reason: string, steps: readonly Step[], doubted: readonly ReadonlySet<ProviderId>[]]>([
  ['a fifth may well be gone', [{ at: 0, lacks: ids(1, 8) }], []],
  ['more than a fifth is a wave', [{ at: 0, lacks: ids(1, 9) }], [ids(1, 9)]],
  ['all of them', [{ at: 0, lacks: all }], [all]],
  ['what we are deleting is expected to go', [{ at: 0, lacks: ids(1, 9), leaving: ids(1, 5) }], []],
  ['what goes beside a mass that we delete', [{ at: 0, lacks: ids(1, 30), leaving: ids(1, 20) }], [ids(21, 30)]],
  [
    'what is looked for since a process began counts as shown before',
    [{ at: 0, lacks: none, since: ids(101, 120) }],
    [ids(101, 120)],
  ],
  [
    'what an earlier process was deleting has gone, as was to be expected',
    [{ at: 0, lacks: none, since: ids(101, 120), going: ids(101, 117) }],
    [],
  ],
  [
    'unless as many others are missing: then the list is to blame',
    [{ at: 0, lacks: none, since: ids(101, 120), going: ids(101, 107) }],
    [ids(101, 120)],
  ],
  [
    'what never was expected is not missed',
    [
      { at: 0, lacks: ids(1, 8) },
      { at: 1, lacks: ids(1, 8) },
    ],
    [],
  ],
  [
    'slow single disappearances are not a mass disappearance',
    [
      { at: 0, lacks: ids(1, 6) },
      { at: 1, lacks: ids(1, 12) },
      { at: 2, lacks: ids(1, 17) },
    ],
    [],
  ],
  [
    'agreement just short of five minutes',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 2, lacks: ids(1, 9) },
      { at: 4.99, lacks: ids(1, 9) },
    ],
    [ids(1, 9)],
  ],
  [
    'five minutes of agreement end it',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 2, lacks: ids(1, 9) },
      { at: 5, lacks: ids(1, 9) },
    ],
    [],
  ],
  [
    'two lists are too few, however far apart',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 60, lacks: ids(1, 9) },
    ],
    [ids(1, 9)],
  ],
  [
    'one that comes back is doubted no more',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 1, lacks: ids(2, 9) },
    ],
    [ids(2, 9)],
  ],
  [
    'when all come back nothing is left of it',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 1, lacks: none },
    ],
    [],
  ],
  [
    'one that came back and goes again goes by itself',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 1, lacks: ids(2, 9) },
      { at: 2, lacks: ids(1, 9) },
    ],
    [ids(2, 9)],
  ],
  [
    'all that came back and go again are a new wave',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 4, lacks: none },
      { at: 5, lacks: ids(1, 9) },
      { at: 6, lacks: ids(1, 9) },
    ],
    [ids(1, 9)],
  ],
  [
    'a second mass disappearance has separate five minutes, and does not prolong the first',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 3, lacks: ids(1, 20) },
      { at: 5, lacks: ids(1, 20) },
    ],
    [ids(10, 20)],
  ],
  [
    'while a second wave begins, the first one is doubted on',
    [
      { at: 0, lacks: ids(1, 9) },
      { at: 3, lacks: ids(1, 20) },
    ],
    [ids(1, 9), ids(10, 20)],
  ],
])('%s', ([, steps, doubted]) => {
  expect(sweep(...steps).map((wave) => wave.ids)).toEqual(doubted);
});

test('reports how many VMs disappeared out of how many, also when some are back', () => {
  const waves = sweep({ at: 0, lacks: ids(1, 30) }, { at: 1, lacks: ids(1, 2) });
  expect(waves).toMatchObject([{ vanished: 30, of: 40, since: 0, lists: 2 }]);
});
