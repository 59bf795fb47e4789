import { functionOf, keyName, type Node, parse, walk } from './syntax.ts';

/** A small mistake in one piece of syntax. */
export interface Mutant {
  readonly file: string;
  /** The functions and classes around it; empty at the top of the module. */
  readonly function: string;
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** What is replaced, on one line. */
  readonly text: string;
}

export type Kind =
  | 'condition'
  | 'operand'
  | 'comparison'
  | 'arithmetic'
  | 'logic'
  | 'default'
  | 'negation'
  | 'boolean'
  | 'number'
  | 'word'
  | 'pattern'
  | 'block'
  | 'call'
  | 'assignment'
  | 'element'
  | 'case'
  | 'method'
  | 'optional';

const comparisons: ReadonlyMap<string, readonly string[]> = new Map([
  ['<', ['<=', '>=']],
  ['<=', ['<', '>']],
  ['>', ['>=', '<=']],
  ['>=', ['>', '<']],
]);
const equalities: ReadonlyMap<string, string> = new Map([
  ['===', '!=='],
  ['!==', '==='],
]);
const sums: ReadonlyMap<string, string> = new Map([
  ['+', '-'],
  ['-', '+'],
  ['*', '/'],
  ['/', '*'],
  ['%', '*'],
  ['**', '*'],
]);
const assignments: ReadonlyMap<string, string> = new Map([
  ['+=', '-='],
  ['-=', '+='],
  ['??=', '='],
  ['||=', '='],
  ['&&=', '='],
]);
/** Methods of which one is taken for the other. */
const twins: ReadonlyMap<string, string> = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
  ['floor', 'ceil'],
  ['ceil', 'floor'],
]);
/** Methods whose result has the type of what they are called on. */
const passing: ReadonlySet<string> = new Set([
  'filter',
  'reverse',
  'slice',
  'sort',
  'toLowerCase',
  'toReversed',
  'toSorted',
  'toUpperCase',
  'trim',
]);
/** Properties with text for users. */
const prose: ReadonlySet<string> = new Set(['description', 'help', 'meaning', 'message', 'remedy', 'title']);

/** All mutants of a module, in the order of its text. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const found: Mutant[] = [];
  walk(parse(file, source), (node, ancestors) => {
    if (isSkipped(node, ancestors.at(-1))) return false;
    const add = (
      kind: Kind,
      { start, end }: { readonly start: number; readonly end: number },
      replacement: string,
    ): void => {
      const text = oneLine(source.slice(start, end));
      found.push({ file, function: functionOf([...ancestors, node]), kind, start, end, replacement, text });
    };
    mutate(node, ancestors, source, add);
    return true;
  });
  return found;
}

export function apply(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

/** Identifies a mutant however its file is laid out, and wherever in its function it is. */
export function keyOf({ file, function: name, kind, text, replacement }: Mutant): string {
  return [file, name, kind, text, oneLine(replacement)].join('\n');
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** Code without an effect on behavior: types, imports, log lines, messages. */
function isSkipped(node: Node, parent: Node | undefined): boolean {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
      return true;
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
      return false;
    case 'CallExpression':
      return isLog(node);
    case 'NewExpression':
      return node.callee.type === 'Identifier' && node.callee.name.endsWith('Error');
    case 'Property':
      return prose.has(keyName(node.key) ?? '');
    case 'BinaryExpression':
      return node.operator === '+' && (isText(node.left) || isText(node.right));
    case 'TemplateLiteral':
      return true;
    default:
      return node.type.startsWith('TS') || isName(node, parent);
  }
}

/** A key, or the name of what is imported or exported. */
function isName(node: Node, parent: Node | undefined): boolean {
  if (node.type !== 'Literal') return false;
  if (parent?.type === 'Property' || parent?.type === 'PropertyDefinition' || parent?.type === 'MethodDefinition')
    return parent.key === node;
  return parent?.type === 'ExportNamedDeclaration';
}

function isText(node: Node): boolean {
  if (node.type === 'BinaryExpression') return node.operator === '+' && (isText(node.left) || isText(node.right));
  return node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');
}

function isLog(node: Node): boolean {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return false;
  const { object, property } = node.callee;
  const name = object.type === 'MemberExpression' ? keyName(object.property) : keyName(object);
  return /^#?log$/.test(name ?? '') && /^(debug|info|warn|error)$/.test(keyName(property) ?? '');
}

function isLogStatement(node: Node): boolean {
  return node.type === 'ExpressionStatement' && isLog(node.expression);
}

type Add = (kind: Kind, span: { readonly start: number; readonly end: number }, replacement: string) => void;

/** Each condition is replaced as a whole and operand by operand, which finds more than an exchanged operator would. */
function mutate(node: Node, ancestors: readonly Node[], source: string, add: Add): void {
  const parent = ancestors.at(-1);
  const textOf = ({ start, end }: Node): string => source.slice(start, end);
  // Parentheses, which the tree doesn't show, stay.
  const withOperator = (
    whole: Node & { readonly operator: string; readonly left: Node; readonly right: Node },
    operator: string,
  ): string => {
    const between = source.slice(whole.left.end, whole.right.start).replace(whole.operator, () => operator);
    return source.slice(whole.start, whole.left.end) + between + source.slice(whole.right.start, whole.end);
  };
  switch (node.type) {
    case 'IfStatement':
    case 'ConditionalExpression':
      // An operand that is found missing shows the same for the whole.
      if (!isLogical(node.test, '&&')) add('condition', node.test, 'true');
      if (!isLogical(node.test, '||')) add('condition', node.test, 'false');
      if (node.type === 'IfStatement' && node.alternate?.type === 'BlockStatement') add('block', node.alternate, '{}');
      return;
    case 'WhileStatement':
      add('condition', node.test, 'false');
      return;
    case 'ForOfStatement':
    case 'ForInStatement':
    case 'ForStatement':
      add('block', node.body, '{}');
      return;
    case 'CatchClause':
      if (!node.body.body.every(isLogStatement)) add('block', node.body, '{}');
      return;
    case 'LogicalExpression':
      if (node.operator === '??') {
        add('default', node, `(${textOf(node.left)})`);
        add('default', node, `(${textOf(node.right)})`);
      } else {
        const neutral = node.operator === '&&' ? 'true' : 'false';
        for (const operand of [node.left, node.right])
          if (!isLogical(operand, node.operator)) add('operand', operand, neutral);
      }
      return;
    case 'BinaryExpression': {
      const equality = isJudged(node, parent) ? undefined : equalities.get(node.operator);
      for (const other of comparisons.get(node.operator) ?? [equality ?? []].flat())
        add('comparison', node, withOperator(node, other));
      const other = sums.get(node.operator);
      if (other !== undefined) add('arithmetic', node, withOperator(node, other));
      return;
    }
    case 'UnaryExpression':
      if (node.operator === '!' && !isJudged(node, parent)) add('negation', node, `!!(${textOf(node.argument)})`);
      if (node.operator === '-') add('arithmetic', node, `(${textOf(node.argument)})`);
      return;
    case 'UpdateExpression':
      add(
        'arithmetic',
        node,
        textOf(node).replace(/\+\+|--/, (operator) => (operator === '++' ? '--' : '++')),
      );
      return;
    case 'AssignmentExpression': {
      const other = assignments.get(node.operator);
      if (other !== undefined) add('assignment', node, withOperator(node, other));
      return;
    }
    case 'Literal':
      mutateLiteral(node, ancestors, (kind, span, replacement) => {
        // With its key it is known among others of the same value.
        if (parent?.type !== 'Property') add(kind, span, replacement);
        else add(kind, parent, source.slice(parent.start, node.start) + replacement);
      });
      return;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
      if (node.body !== null && node.body.body.length > 0 && !isConstructor(parent)) add('block', node.body, '{}');
      return;
    case 'ArrowFunctionExpression':
      if (node.body.type === 'BlockStatement' && node.body.body.length > 0) add('block', node.body, '{}');
      return;
    case 'ExpressionStatement':
      mutateStatement(node, add);
      return;
    case 'SpreadElement':
      if (parent?.type === 'ObjectExpression') add('element', node, '...{}');
      else if (parent?.type === 'ArrayExpression') add('element', node, '...[]');
      return;
    case 'Property':
      if (parent?.type === 'ObjectExpression') add('element', node, '...{}');
      return;
    case 'SwitchCase':
      if (node.test !== null && node.consequent.length > 0) add('case', node, '');
      return;
    case 'CallExpression':
      mutateCall(node, textOf, add);
      return;
    case 'MemberExpression':
      if (node.optional && !node.computed) add('optional', node, `${textOf(node.object)}.${textOf(node.property)}`);
      return;
    default:
  }
}

/** Whether it is replaced by true and false as a condition or an operand. */
function isJudged(node: Node, parent: Node | undefined): boolean {
  switch (parent?.type) {
    case 'IfStatement':
    case 'ConditionalExpression':
    case 'WhileStatement':
      return parent.test === node;
    case 'LogicalExpression':
      return parent.operator !== '??';
    default:
      return false;
  }
}

function isLogical(node: Node, operator: string): boolean {
  return node.type === 'LogicalExpression' && node.operator === operator;
}

function isConstructor(parent: Node | undefined): boolean {
  return parent?.type === 'MethodDefinition' && parent.kind === 'constructor';
}

function mutateLiteral(node: Node & { readonly type: 'Literal' }, ancestors: readonly Node[], add: Add): void {
  const parent = ancestors.at(-1);
  if ('regex' in node) {
    const { pattern, flags } = node.regex;
    if (pattern.startsWith('^')) add('pattern', node, `/${pattern.slice(1) || '(?:)'}/${flags}`);
    if (pattern.endsWith('$') && !pattern.endsWith('\\$'))
      add('pattern', node, `/${pattern.slice(0, -1) || '(?:)'}/${flags}`);
    return;
  }
  const { value } = node;
  if (typeof value === 'boolean' && !isKeySet(ancestors)) add('boolean', node, String(!value));
  // One more is nothing to a duration or a size.
  if (typeof value === 'number') add('number', node, String(value < 100 ? value + 1 : value * 2));
  // One of a union: what it is compared with is replaced with the comparison.
  const isCompared = parent?.type === 'BinaryExpression' || parent?.type === 'SwitchCase';
  if (typeof value === 'string' && /^[A-Za-z][\w./-]*$/.test(value) && !isCompared) add('word', node, "''");
}

/** `allOf({ A: true })` of the schema stands for its keys; the values mean nothing. */
function isKeySet(ancestors: readonly Node[]): boolean {
  const call = ancestors.at(-3);
  return call?.type === 'CallExpression' && call.callee.type === 'Identifier' && call.callee.name === 'allOf';
}

function mutateStatement({ expression, start, end }: Node & { readonly type: 'ExpressionStatement' }, add: Add): void {
  const inner =
    expression.type === 'AwaitExpression' || (expression.type === 'UnaryExpression' && expression.operator === 'void')
      ? expression.argument
      : expression;
  const called = inner.type === 'ChainExpression' ? inner.expression : inner;
  if (called.type === 'CallExpression' && !isLog(called) && called.callee.type !== 'Super')
    add('call', { start, end }, ';');
  if (called.type === 'AssignmentExpression') add('assignment', { start, end }, ';');
  if (called.type === 'UnaryExpression' && called.operator === 'delete') add('call', { start, end }, ';');
}

function mutateCall(node: Node & { readonly type: 'CallExpression' }, textOf: (node: Node) => string, add: Add): void {
  const { callee } = node;
  if (callee.type !== 'MemberExpression' || callee.computed) return;
  const name = keyName(callee.property) ?? '';
  const twin = twins.get(name);
  if (twin !== undefined) add('method', callee.property, twin);
  if (passing.has(name)) add('method', node, textOf(callee.object));
}
