import { keyName, type Node, parse, walk } from '../../hack/mutants/syntax.ts';
import type { Source } from './sources.ts';

const collections: ReadonlySet<string> = new Set(['Map', 'Set', 'WeakMap', 'WeakSet']);
const methods: ReadonlySet<string> = new Set(['get', 'set', 'has', 'add', 'delete']);

interface Declaration {
  readonly name: string;
  /** The function around it; undefined: a field, or at the top of the module. */
  readonly scope: Node | undefined;
}

/**
 * The collections of a module that outlive a call and are addressed by an object's key (`namespace/name`), each as `path name`. A key
 * is what is called so: `key`, a field `key`, or what `objectKey` returns. A collection of collections counts once.
 */
export function keyedCollections({ path, text }: Source): readonly string[] {
  const program = parse(path, text);
  const declared: Declaration[] = [];
  /** What was read from which collection. */
  const aliases = new Map<string, string>();
  walk(program, (node, ancestors) => {
    const [name, init] = declarationIn(node);
    if (name === undefined || init === undefined) return true;
    const scope = node.type === 'PropertyDefinition' ? undefined : functionAround(ancestors);
    if (isCollection(init)) declared.push({ name, scope });
    else for (const source of namesIn(init)) if (declared.some((one) => one.name === source)) aliases.set(name, source);
    return true;
  });
  const found = new Set<string>();
  walk(program, (node, ancestors) => {
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return true;
    const [method, address] = [keyName(node.callee.property), node.arguments[0]];
    if (method === undefined || !methods.has(method) || address === undefined || !isKey(address)) return true;
    for (const name of namesIn(node.callee.object)) {
      const of = aliases.get(name) ?? name;
      const declaration = declared.find((one) => one.name === of);
      // A variable of the function that uses it is gone when that returns.
      if (declaration === undefined) continue;
      if (declaration.scope === undefined || declaration.scope !== functionAround(ancestors))
        found.add(`${path} ${of}`);
    }
    return true;
  });
  return [...found];
}

function declarationIn(node: Node): readonly [name?: string | undefined, init?: Node | undefined] {
  if (node.type === 'PropertyDefinition') return [keyName(node.key), node.value ?? undefined];
  if (node.type === 'VariableDeclarator') return [keyName(node.id), node.init ?? undefined];
  return [];
}

function isCollection(node: Node): boolean {
  return node.type === 'NewExpression' && node.callee.type === 'Identifier' && collections.has(node.callee.name);
}

function isKey(node: Node): boolean {
  if (node.type === 'Identifier') return node.name === 'key';
  if (node.type === 'MemberExpression') return keyName(node.property) === 'key';
  return node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'objectKey';
}

/** Names of variables and of own fields that an expression reads. */
function namesIn(expression: Node): readonly string[] {
  const names: string[] = [];
  walk(expression, (node) => {
    if (node.type === 'Identifier' || node.type === 'PrivateIdentifier') names.push(keyName(node) ?? '');
    return true;
  });
  return names;
}

function functionAround(ancestors: readonly Node[]): Node | undefined {
  return ancestors.findLast(({ type }) => type === 'FunctionDeclaration' || type.endsWith('FunctionExpression'));
}
