import { describe, expect, it } from 'vitest';
import { explore, liveness, type Model, type Step } from './checker.ts';

/** Two jugs of 3 and 5 litres; wanted are 4 litres. The way there takes six steps, whatever one tries first. */
interface Jugs {
  readonly small: number;
  readonly large: number;
}

function to(label: string, jug: Jugs): Step<Jugs> {
  return { kind: label.split(' ')[0] ?? '', label, to: jug };
}

const jugs: Model<Jugs> = {
  start: { small: 0, large: 0 },
  key: ({ small, large }) => `${small}/${large}`,
  isSettled: () => true,
  fair: () => undefined,
  steps({ small, large }) {
    const toLarge = Math.min(small, 5 - large);
    const toSmall = Math.min(large, 3 - small);
    return Promise.resolve([
      to('fill the small one', { small: 3, large }),
      to('fill the large one', { small, large: 5 }),
      to('empty the small one', { small: 0, large }),
      to('empty the large one', { small, large: 0 }),
      to('pour into the large one', { small: small - toLarge, large: large + toLarge }),
      to('pour into the small one', { small: small + toSmall, large: large - toSmall }),
    ]);
  },
};

/** A number that faults may raise, and that a fair world counts down; `next` says how. */
function counter(next: (value: number) => number, isSettled: (value: number) => boolean): Model<number> {
  return {
    start: 0,
    key: String,
    isSettled,
    fair: (steps) => steps.find(({ kind }) => kind === 'fair'),
    steps: (value) =>
      Promise.resolve([
        { kind: 'fair', label: `${value} to ${next(value)}`, to: next(value) },
        ...(value < 5 ? [{ kind: 'fault', label: `${value} is raised`, to: value + 1 }] : []),
      ]),
  };
}

const isZero = (value: number): boolean => value === 0;

describe('safety', () => {
  it('explores all states and counts them', async () => {
    const found = await explore(jugs, [{ name: 'never 6 litres', holds: ({ large }) => large < 6 }], { states: 100 });
    // 16 of the 24 pairs: one jug is always full or empty.
    expect(found).toMatchObject({ states: 16, transitions: 16 * 6, depth: 7, violation: undefined });
    expect([...found.taken.keys()]).toEqual(['fill', 'empty', 'pour']);
  });

  it('finds a violation by the shortest path', async () => {
    const { violation } = await explore(jugs, [{ name: 'never 4 litres', holds: ({ large }) => large !== 4 }], {
      states: 100,
    });
    expect(violation?.invariant).toBe('never 4 litres');
    expect(violation?.trace).toEqual([
      'fill the large one',
      'pour into the small one',
      'empty the small one',
      'pour into the small one',
      'fill the large one',
      'pour into the small one',
    ]);
  });

  it('checks the initial state as well', async () => {
    const { violation } = await explore(jugs, [{ name: 'never empty', holds: ({ large }) => large > 0 }], {
      states: 100,
    });
    expect(violation).toEqual({ invariant: 'never empty', trace: [] });
  });

  it('stops at a model without an end', async () => {
    const endless = counter((value) => value + 1, isZero);
    await expect(explore(endless, [], { states: 50 })).rejects.toThrow('more than 50 states');
  });
});

interface Limited {
  readonly at: string;
  readonly fault: number;
}

/** Each way as `from to`; one that ends with an exclamation mark is a fault. */
function roads(fault: number, ...ways: readonly string[]): Model<Limited> {
  return {
    start: { at: 'a', fault },
    key: ({ at }) => at,
    left: ({ fault: left }) => ({ fault: left }),
    isSettled: () => true,
    fair: () => undefined,
    steps: (state) =>
      Promise.resolve(
        ways.flatMap((way) => {
          const [from, goal = ''] = way.replace('!', '').split(' ');
          const left = state.fault - (way.endsWith('!') ? 1 : 0);
          return from === state.at && left >= 0 ? [{ kind: 'way', label: way, to: { at: goal, fault: left } }] : [];
        }),
      ),
  };
}

describe('the remaining faults', () => {
  it('a known state with fewer left is not visited again', async () => {
    const found = await explore(roads(2, 'a b!', 'b a', 'b c!'), [], { states: 50 });
    expect(found).toMatchObject({ states: 3, keys: 3, violation: undefined });
  });

  it('a known state with more left is visited again', async () => {
    const neverBad = { name: 'never bad', holds: ({ at }: Limited) => at !== 'bad' };
    const { violation } = await explore(roads(1, 'a b!', 'a c', 'c b', 'b bad!'), [neverBad], { states: 50 });
    expect(violation?.trace).toEqual(['a c', 'c b', 'b bad!']);
  });
});

describe('liveness', () => {
  it('holds where every state reaches the wanted state and stays there', async () => {
    const found = await explore(
      counter((value) => Math.max(0, value - 1), isZero),
      [],
      { states: 50 },
    );
    expect(found).toMatchObject({ states: 6, violation: undefined });
  });

  it('fails where a fair run has a cycle', async () => {
    const { violation } = await explore(
      counter((value) => (value === 3 ? 4 : value === 4 ? 3 : 0), isZero),
      [],
      { states: 50 },
    );
    expect(violation?.invariant).toBe(liveness);
    expect(violation?.trace).toEqual([
      '0 is raised',
      '1 is raised',
      '2 is raised',
      '-- from here on without faults --',
      '-- and permanently from here on --',
      '3 to 4',
      '4 to 3',
    ]);
  });

  it('fails where the wanted state is reached but not kept', async () => {
    const { violation } = await explore(
      counter((value) => (value === 0 ? 1 : value - 1), isZero),
      [],
      { states: 50 },
    );
    expect(violation?.invariant).toBe(liveness);
  });

  it('fails where a state has no next step', async () => {
    const stuck: Model<number> = {
      ...counter((value) => value, isZero),
      steps: (value) => Promise.resolve(value === 0 ? [{ kind: 'fault', label: 'it falls', to: 1 }] : []),
    };
    const { violation } = await explore(stuck, [], { states: 50 });
    expect(violation?.trace[0]).toBe('it falls');
  });
});
