import { type Node, parse, walk } from './syntax.ts';

/** A part of a module that runs or doesn't, as a whole. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

/** The regions of a module in the order of their starts; the first is the module itself. */
export function regionsOf(file: string, source: string): readonly Region[] {
  const program = parse(file, source);
  const found: Region[] = [{ start: 0, end: source.length }];
  walk(program, (node) => {
    if (node.type.startsWith('TS') && !/^TS(As|Satisfies|NonNull)/.test(node.type)) return false;
    for (const { start, end } of partsOf(node)) found.push({ start, end });
    return true;
  });
  return found;
}

/** The innermost region around a place. */
export function regionAt(regions: readonly Region[], place: number): number {
  return regions.reduce((inner, { start, end }, index) => {
    const best = regions[inner];
    const isInside = start <= place && place < end;
    return isInside && (best === undefined || end - start < best.end - best.start) ? index : inner;
  }, 0);
}

/** The same program, which notes in `globalThis.regionsRun` what of it ran. */
export function instrument(file: string, source: string): string {
  const inserts: { readonly at: number; readonly text: string; readonly isEnd: boolean; readonly size: number }[] = [];
  const regions = regionsOf(file, source);
  const indexOf = new Map(regions.map(({ start, end }, index) => [`${start} ${end}`, index]));
  walk(parse(file, source), (node) => {
    if (node.type.startsWith('TS') && !/^TS(As|Satisfies|NonNull)/.test(node.type)) return false;
    for (const part of partsOf(node)) {
      const { start, end } = part;
      const note = `regionRan(${indexOf.get(`${start} ${end}`)})`;
      const size = end - start;
      if (part.type === 'BlockStatement') inserts.push({ at: start + 1, text: `${note};`, isEnd: false, size: 0 });
      else if (isStatement(part))
        inserts.push({ at: start, text: `{${note};`, isEnd: false, size }, { at: end, text: '}', isEnd: true, size });
      else
        inserts.push({ at: start, text: `(${note},`, isEnd: false, size }, { at: end, text: ')', isEnd: true, size });
    }
    return true;
  });
  // At one place inner ends come before outer ones, ends before starts, outer starts before inner ones.
  inserts.sort(
    (a, b) => a.at - b.at || Number(b.isEnd) - Number(a.isEnd) || (a.isEnd ? a.size - b.size : b.size - a.size),
  );
  let text = '';
  let from = 0;
  for (const insert of inserts) {
    text += source.slice(from, insert.at) + insert.text;
    from = insert.at;
  }
  const note = `function regionRan(n: number) { ((globalThis as any).regionsRun ??= {})[${JSON.stringify(file)}] ??= new Uint8Array(${regions.length}); (globalThis as any).regionsRun[${JSON.stringify(file)}][n] = 1; }`;
  return `${text}${source.slice(from)}\nregionRan(0);\n${note}\n`;
}

function partsOf(node: Node): readonly Node[] {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
      // A statement before `super()` would be another mistake.
      return node.body === null ? [] : [node.body as Node];
    case 'ArrowFunctionExpression':
      return [node.body];
    case 'IfStatement':
      return [
        node.consequent,
        ...(node.alternate === null || node.alternate.type === 'IfStatement' ? [] : [node.alternate]),
      ];
    case 'ConditionalExpression':
      return [node.consequent, node.alternate];
    case 'LogicalExpression':
      return [node.right];
    case 'ForOfStatement':
    case 'ForInStatement':
    case 'ForStatement':
    case 'WhileStatement':
      return [node.body];
    case 'CatchClause':
      return [node.body];
    case 'SwitchCase':
      return node.consequent.slice(0, 1).filter(isStatement);
    default:
      return [];
  }
}

function isStatement({ type }: Node): boolean {
  return type.endsWith('Statement');
}
