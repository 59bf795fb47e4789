import { parseSync, visitorKeys } from 'oxc-parser';
import { expect, test } from 'vitest';
import { readSources } from './sources.ts';

interface Line {
  readonly where: string;
  /** Undefined: the message is no constant. */
  readonly message: string | undefined;
  readonly fields: readonly string[];
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

const levels: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error']);

/** Every node, each before those in it. */
function* nodesIn(node: Node): Generator<Node> {
  yield node;
  for (const key of visitorKeys[node.type] ?? []) {
    for (const child of [node[key]].flat()) if (isNode(child)) yield* nodesIn(child);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** `log` of `log`, `deps.log` and `this.#log`. */
function nameOf(value: unknown): unknown {
  if (!isNode(value)) return undefined;
  return value.type === 'MemberExpression' ? nameOf(value['property']) : value['name'];
}

function keysIn(node: unknown): readonly string[] {
  if (!isNode(node)) return [];
  return [...nodesIn(node)].flatMap(({ type, key }) =>
    type === 'Property' && isNode(key) ? [String(key['name'] ?? key['value'])] : [],
  );
}

function linesIn(path: string, text: string): readonly Line[] {
  // The program is a node like all others.
  const nodes = [...nodesIn(parseSync(path, text).program as unknown as Node)];
  return nodes.flatMap((node) => {
    const { type, callee } = node;
    if (type === 'VariableDeclarator' && nameOf(node['id']) === 'fields')
      return [{ where: path, message: 'Fields of a line', fields: keysIn(node['init']) }];
    if (type !== 'CallExpression' || !isNode(callee) || callee.type !== 'MemberExpression') return [];
    const method = String(nameOf(callee));
    if (nameOf(callee['object']) !== 'log' || !(levels.has(method) || method === 'with')) return [];
    const [first, second] = [node['arguments']].flat();
    const message = isNode(first) && typeof first['value'] === 'string' ? first['value'] : undefined;
    return method === 'with'
      ? [{ where: path, message: 'Fields of each line', fields: keysIn(first) }]
      : [{ where: path, message, fields: keysIn(second) }];
  });
}

const lines = ['src', 'emulator']
  .flatMap(readSources)
  .flatMap(({ path, text }) => (path.endsWith('.ts') ? linesIn(path, text) : []));

/** Words that only this project used for what others call otherwise. */
const unusual =
  /\b(pass(es)?|anew|told|tells?|somebody|nobody|looked|looks|away|gate|lane|turn|foreign|mended|machines?|server|wish|rights?|acted|standing by)\b/i;

/** What is wrong with a line; the rules are those of Kubernetes for its own log messages. */
function faultsOf({ where, message, fields }: Line): readonly string[] {
  const faults = fields.filter((name) => !/^[a-z][a-zA-Z\d]*$/.test(name)).map((name) => `the field ${name}`);
  if (message === undefined) faults.push('a message that is no constant');
  else {
    if (!/^[A-Z]/.test(message) && !/^[a-z]+[A-Z]/.test(message)) faults.push(`no capital letter: ${message}`);
    if (/[.;:!?]/.test(message)) faults.push(`more than a phrase: ${message}`);
    const [word] = unusual.exec(message.replaceAll('API server', 'API')) ?? [];
    if (word !== undefined) faults.push(`the word ${word}: ${message}`);
  }
  return faults.map((fault) => `${where}: ${fault}`);
}

test('log messages are constant phrases that begin with a capital letter, in the words of Kubernetes, and fields are lowerCamelCase', () => {
  expect(lines.length).toBeGreaterThan(40);
  expect(lines.flatMap(faultsOf)).toEqual([]);
});

test.each([
  ["log.info('Started', { vm_id: 1 })", 'the field vm_id'],
  ["this.#log.warn('Started', { ...more, nested: { 'Vm-Id': 1 } })", 'the field Vm-Id'],
  ["log.with({ Account: 1 }).info('Started')", 'the field Account'],
  ["deps.log.info('started')", 'no capital letter: started'],
  ["log.info('Started.')", 'more than a phrase: Started.'],
  ["log.info('Started a pass')", 'the word pass: Started a pass'],
  ['log.info(`Started ${name}`)', 'a message that is no constant'],
])('%s is refused', (text, fault) => {
  expect(linesIn('here.ts', text).flatMap(faultsOf)).toEqual([`here.ts: ${fault}`]);
});
