/**
 * Explores every state a model can reach, breadth first, and judges each: a general engine that knows no machines.
 *
 * Safety: every invariant holds after every step, also after one that leads to a state already known. Because states
 * are met in order of their distance, the trace of the first violation is the shortest there is.
 *
 * Liveness: at most one step of a state is its fair one, the step that a world without faults takes next. Following
 * fair steps from any state must end in a circle (or a state without one) of settled states only. It then was reached,
 * and is kept; anything else is a livelock.
 */
export interface Step<S> {
  /** What sort of step it is: counted, to show that it was taken at all. */
  readonly kind: string;
  /** The step in words, a line of a trace. */
  readonly label: string;
  readonly to: S;
}

export interface Model<S, A extends Step<S> = Step<S>> {
  readonly start: S;
  /** States of one key count as one, if as many faults may still happen in them. */
  key(state: S): string;
  /**
   * How often each fault may still happen, if the key does not contain that. A state whose key is known with as much left of
   * each adds nothing: all states reached from it are reached from the other one by the same steps, and its fair steps are the
   * same.
   */
  left?(state: S): Left;
  steps(state: S): Promise<readonly A[]>;
  /** The one of a state's steps that a world without faults takes. */
  fair(steps: readonly A[]): A | undefined;
  /** Whether everything is as wanted, with faults or without. */
  isSettled(state: S): boolean;
}

export type Left = Readonly<Partial<Record<string, number>>>;

export interface Invariant<S> {
  readonly name: string;
  holds(state: S): boolean;
}

export interface Violation {
  readonly invariant: string;
  /** The steps from the start that lead to it. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  /** Those that differ in more than in what is left. */
  readonly keys: number;
  readonly transitions: number;
  /** The longest of the shortest ways to a state, in steps. */
  readonly depth: number;
  /** How often a step of each kind was taken. */
  readonly taken: ReadonlyMap<string, number>;
  readonly violation: Violation | undefined;
}

/** The name of the liveness property in a violation. */
export const liveness = 'settles';

export interface Limits {
  /** More states than this are an error: the model is not as finite as it was meant to be. */
  readonly states: number;
}

export async function explore<S, A extends Step<S>>(
  model: Model<S, A>,
  invariants: readonly Invariant<S>[],
  limits: Limits,
): Promise<Exploration> {
  /** By key: the states that were met, with what was left in them. */
  const known = new Map<string, { readonly left: Left; readonly index: number }[]>();
  /** By state: how it was first reached, the state that its fair step leads to, and whether it is settled. */
  const parents: number[] = [];
  const labels: string[] = [];
  const fair: { readonly to: number; readonly label: string }[] = [];
  const settled: boolean[] = [];
  const taken = new Map<string, number>();
  let transitions = 0;
  let depth = 0;

  const trace = (index: number): string[] => {
    const lines: string[] = [];
    for (let at = index; at > 0; at = parents[at] ?? 0) lines.unshift(labels[at] ?? '');
    return lines;
  };
  const end = (violation?: Violation): Exploration => ({
    states: parents.length,
    keys: known.size,
    transitions,
    depth,
    taken,
    violation,
  });
  const leftIn = (state: S): Left => model.left?.(state) ?? {};
  const find = (state: S, key: string): number | undefined => {
    const left = leftIn(state);
    return known.get(key)?.find((other) => covers(other.left, left))?.index;
  };
  const add = (state: S, key: string, parent: number, label: string): number => {
    const index = parents.length;
    if (index >= limits.states) throw new Error(`more than ${limits.states} states, the last by: ${label}`);
    const met = known.get(key) ?? [];
    met.push({ left: leftIn(state), index });
    known.set(key, met);
    parents.push(parent);
    labels.push(label);
    settled.push(model.isSettled(state));
    return index;
  };

  let level: { readonly state: S; readonly index: number }[] = [];
  level.push({ state: model.start, index: add(model.start, model.key(model.start), 0, '') });
  const broken = invariants.find(({ holds }) => !holds(model.start));
  if (broken !== undefined) return end({ invariant: broken.name, trace: [] });

  while (level.length > 0) {
    const next: typeof level = [];
    for (const { state, index } of level) {
      fair[index] = { to: index, label: '' };
      const steps = await model.steps(state);
      const fairStep = model.fair(steps);
      for (const step of steps) {
        transitions += 1;
        taken.set(step.kind, (taken.get(step.kind) ?? 0) + 1);
        const violated = invariants.find(({ holds }) => !holds(step.to));
        if (violated !== undefined) return end({ invariant: violated.name, trace: [...trace(index), step.label] });
        const key = model.key(step.to);
        let to = find(step.to, key);
        if (to === undefined) {
          to = add(step.to, key, index, step.label);
          next.push({ state: step.to, index: to });
        }
        if (step === fairStep) fair[index] = { to, label: step.label };
      }
    }
    if (next.length > 0) depth += 1;
    level = next;
  }
  return end(findLivelock(fair, settled, trace));
}

function covers(more: Left, less: Left): boolean {
  if (more === less) return true;
  for (const name in less) if ((more[name] ?? 0) < (less[name] ?? 0)) return false;
  return true;
}

/** Walks each state's fair steps to where they end; every state is walked over once. */
function findLivelock(
  fair: readonly { readonly to: number; readonly label: string }[],
  settled: readonly boolean[],
  trace: (index: number) => string[],
): Violation | undefined {
  const isWalked = new Uint8Array(fair.length);
  for (let start = 0; start < fair.length; start += 1) {
    const path: number[] = [];
    const place = new Map<number, number>();
    let at = start;
    while (isWalked[at] === 0) {
      isWalked[at] = 1;
      place.set(at, path.length);
      path.push(at);
      at = fair[at]?.to ?? at;
    }
    const entry = place.get(at);
    // What was walked before was judged before.
    if (entry === undefined) continue;
    const circle = path.slice(entry);
    if (circle.every((index) => settled[index])) continue;
    const lines = (steps: readonly number[]): string[] => steps.map((index) => fair[index]?.label ?? '');
    return {
      invariant: liveness,
      trace: [
        ...trace(start),
        '-- from here on without faults --',
        ...lines(path.slice(0, entry)),
        '-- and permanently from here on --',
        ...lines(circle),
      ],
    };
  }
  return undefined;
}
