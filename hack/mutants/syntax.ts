import { type Node, parseSync, visitorKeys } from 'oxc-parser';

export type { Node };

/** Parses TypeScript; parentheses are not part of the tree. */
export function parse(file: string, source: string): Node {
  const { program, errors } = parseSync(file, source, { preserveParens: false });
  if (errors.length > 0) throw new Error(`${file}: ${errors.map(({ message }) => message).join('; ')}`);
  return program;
}

function childrenOf(node: Node): readonly Node[] {
  return (visitorKeys[node.type] ?? []).flatMap((key) => {
    // `as`: the parser's own table says which of a node's fields hold nodes.
    const value = (node as unknown as Readonly<Record<string, Node | null | readonly (Node | null)[]>>)[key];
    return [value ?? []].flat().filter((child) => child !== null);
  });
}

/** Calls `visit` for every node, parents first, with its ancestors, the nearest last. It returns whether to go on below the node. */
export function walk(
  node: Node,
  visit: (node: Node, ancestors: readonly Node[]) => boolean,
  ancestors: readonly Node[] = [],
): void {
  if (!visit(node, ancestors)) return;
  const path = [...ancestors, node];
  for (const child of childrenOf(node)) walk(child, visit, path);
}

/** The named functions and classes around a node, joined by dots: `Account.want`. Empty at the top of a module. */
export function functionOf(ancestors: readonly Node[]): string {
  return ancestors.flatMap((node, index) => nameOf(node, ancestors[index - 1]) ?? []).join('.');
}

function nameOf(node: Node, parent: Node | undefined): string | undefined {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return node.id?.name;
    case 'MethodDefinition':
      return keyName(node.key);
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
      if (parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier') return parent.id.name;
      return parent?.type === 'Property' || parent?.type === 'PropertyDefinition' ? keyName(parent.key) : undefined;
    default:
      return undefined;
  }
}

export function keyName(key: Node): string | undefined {
  if (key.type === 'Identifier') return key.name;
  if (key.type === 'PrivateIdentifier') return `#${key.name}`;
  return key.type === 'Literal' ? String(key.value) : undefined;
}
/** Whether a piece of syntax is the wanted one, wherever it is and however it is laid out. An empty block is wanted of any content. */
export function isSameSyntax(wanted: unknown, found: unknown): boolean {
  if (isBlock(wanted) && isBlock(found) && wanted.body.length === 0) return true;
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) &&
      wanted.length === found.length &&
      wanted.every((one, index) => isSameSyntax(one, found[index]))
    );
  if (typeof wanted !== 'object' || wanted === null || typeof found !== 'object' || found === null)
    return wanted === found;
  const values = new Map(Object.entries(found));
  return Object.entries(wanted).every(([key, value]) => isLayout(key) || isSameSyntax(value, values.get(key)));
}

/** Positions, and how a literal is spelled. */
function isLayout(key: string): boolean {
  return key === 'start' || key === 'end' || key === 'raw' || key === 'range' || key === 'parent';
}

function isBlock(node: unknown): node is { readonly body: readonly unknown[] } {
  return typeof node === 'object' && node !== null && 'type' in node && node.type === 'BlockStatement';
}
