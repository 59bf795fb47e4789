import { functionOf, isSameSyntax, type Node, parse, walk } from './syntax.ts';

/** A mistake in one place of a module, which is identified by its syntax: it may move, and its layout may change. */
export interface Mistake {
  /** Below src. */
  readonly file: string;
  /** The functions and classes around the place, joined by dots. */
  readonly function: string;
  /** An expression, a property, a statement or a case; the function has it exactly once. An empty block stands for any block. */
  readonly find: string;
  /** An empty block stands for the one that was found. */
  readonly replacement: string;
}

export function makeMistake(source: string, { file, function: name, find, replacement }: Mistake): string {
  const wanted = patternOf(find);
  const places: Node[] = [];
  walk(parse(file, source), (node, ancestors) => {
    if (isSameSyntax(wanted, node) && functionOf(ancestors) === name) places.push(node);
    return true;
  });
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new Error(`src/${file} has "${find}" ${places.length} times in ${name === '' ? 'no function' : name}`);
  const block = blockIn(place, source);
  return source.slice(0, place.start) + replacement.replace('{}', () => block) + source.slice(place.end);
}

function blockIn(place: Node, source: string): string {
  let block = '{}';
  walk(place, (node) => {
    if (block === '{}' && node.type === 'BlockStatement') block = source.slice(node.start, node.end);
    return block === '{}';
  });
  return block;
}

/** What each text is put into to be a module, and what is wanted of it. */
const frames: readonly (readonly [before: string, after: string, isWanted: (node: Node) => boolean])[] = [
  ['async () => (', ')', () => true],
  // `if (a) {}` would be a method.
  ['async () => ({', '})', (node) => node.type === 'Property' && !node.method],
  ['async () => {', '}', () => true],
  ['async () => { switch (x) {', '} }', (node) => node.type === 'SwitchCase'],
];

function patternOf(text: string): Node {
  for (const [before, after, isWanted] of frames) {
    let found: Node | undefined;
    try {
      walk(parse('pattern.ts', before + text + after), (node) => {
        if (node.start >= before.length && isWanted(node)) found ??= node;
        return found === undefined;
      });
    } catch {
      continue;
    }
    if (found !== undefined) return found;
  }
  throw new Error(`"${text}" is not an expression, a property, a statement or a case`);
}
