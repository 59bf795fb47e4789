/** Reads the output of Node's profilers (`--cpu-prof`, `--heap-prof`), and attributes time and memory. Pure. */

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** Zero-based. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** The used fields of a `.cpuprofile`. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  /** The node that ran, at each sample, and the microseconds since the previous sample. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The used fields of a `.heapprofile`: memory that was still allocated at the end, by allocating function. */
export interface HeapProfile {
  readonly head: HeapNode;
}

interface HeapNode {
  readonly callFrame: CallFrame;
  /** Bytes. */
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** The source file of a place in the bundle, relative to the project; undefined outside of the bundle. */
export type Locate = (frame: CallFrame) => string | undefined;

/** Milliseconds or bytes, by name, the largest first. */
export type Shares = readonly (readonly [name: string, amount: number])[];

export interface Profile {
  /** The total without idle time. */
  readonly total: number;
  /** By the project's function that caused it, including what Node and packages did for it. */
  readonly byFunction: Shares;
  /** By the file or package that contains the code. */
  readonly byModule: Shares;
}

/** Nodes that cost nothing. */
const idle: ReadonlySet<string> = new Set(['(idle)', '(root)']);

/** In milliseconds. */
export function readCpuProfile({ nodes, samples, timeDeltas }: CpuProfile, locate: Locate): Profile {
  const spent = new Map<number, number>();
  for (const [index, node] of samples.entries()) {
    spent.set(node, (spent.get(node) ?? 0) + Math.max(0, timeDeltas[index] ?? 0) / 1_000);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const childrenOf = ({ children = [] }: CpuProfile['nodes'][number]) =>
    children.map((id) => byId.get(id)).filter((child) => child !== undefined);
  const [root] = nodes;
  return root === undefined ? tally([]) : tally(walk(root, childrenOf, ({ id }) => spent.get(id) ?? 0, locate));
}

/** In bytes. */
export function readHeapProfile({ head }: HeapProfile, locate: Locate): Profile {
  return tally(
    walk(
      head,
      ({ children }) => children,
      ({ selfSize }) => selfSize,
      locate,
    ),
  );
}

interface Spent {
  readonly amount: number;
  readonly asker: string;
  readonly module: string;
}

/** Every node with its own cost, and the function that caused it. */
function* walk<Node extends { readonly callFrame: CallFrame }>(
  root: Node,
  childrenOf: (node: Node) => readonly Node[],
  amountOf: (node: Node) => number,
  locate: Locate,
): Generator<Spent> {
  const stack: { readonly node: Node; readonly asker: string }[] = [{ node: root, asker: '' }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { callFrame } = top.node;
    const module = moduleOf(callFrame, locate);
    const isOurs = module.startsWith('src/');
    const asker = isOurs ? `${callFrame.functionName || '(anonymous)'} ${module}` : top.asker;
    const amount = amountOf(top.node);
    // A cost that no function of the project caused is listed separately.
    if (amount > 0 && !idle.has(callFrame.functionName)) yield { amount, asker: asker || module, module };
    for (const node of childrenOf(top.node)) stack.push({ node, asker });
  }
}

function moduleOf(frame: CallFrame, locate: Locate): string {
  if (frame.url === '') return frame.functionName.startsWith('(') ? frame.functionName : '(native code)';
  const file = locate(frame) ?? frame.url;
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(file) ?? [];
  return name === undefined ? file : `package ${name}`;
}

function tally(spent: Iterable<Spent>): Profile {
  let total = 0;
  const byFunction = new Map<string, number>();
  const byModule = new Map<string, number>();
  for (const { amount, asker, module } of spent) {
    total += amount;
    byFunction.set(asker, (byFunction.get(asker) ?? 0) + amount);
    byModule.set(module, (byModule.get(module) ?? 0) + amount);
  }
  return { total, byFunction: largestFirst(byFunction), byModule: largestFirst(byModule) };
}

function largestFirst(amounts: ReadonlyMap<string, number>): Shares {
  return [...amounts].toSorted(([, a], [, b]) => b - a);
}
