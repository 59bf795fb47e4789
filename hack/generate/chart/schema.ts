import { durationPattern } from '../../../src/domain/duration.ts';
import { type SettingName, type Setting, settingNames, settingsTable } from '../../../src/config/settings.ts';
import { definitions } from './definitions.ts';
import { isMap, readValues, type Schema, type Value } from './values.ts';

/**
 * Settings that the chart has under another name than `config.<name>`, because they determine more than an environment
 * variable.
 */
export const elsewhere: Readonly<Partial<Record<SettingName, string>>> = {
  accounts: 'accounts.enabled',
  namespaces: 'watchNamespaces',
  takeOverFrom: 'takeOverFrom',
};

/** The settings under `config`. */
export const configNames = settingNames.filter((name) => elsewhere[name] === undefined);

/** A mutable node, while the tree is built. */
interface Branch {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Record<string, Schema | Branch>;
}

/** deploy/chart/values.schema.json: draft 7, which every Helm since 3 supports. It refuses unknown keys. */
export function renderSchema(): string {
  const root = branch();
  for (const value of readValues()) {
    let node = root;
    for (const key of value.keys.slice(0, -1)) {
      const next = (node.properties[key] ??= branch());
      // `as`: the line above created the nodes with values below them.
      node = next as Branch;
    }
    node.properties[value.keys.at(-1) ?? ''] = schemaOf(value);
  }
  const propertyNames = suggestions(Object.keys(root.properties).toSorted());
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Values of the chart vps247-operator' };
  const properties = Object.fromEntries(
    Object.entries(root.properties).map(([name, node]) => [name, suggesting({ ...node })]),
  );
  return `${JSON.stringify({ ...head, ...root, properties, propertyNames }, null, 2)}\n`;
}

/** How many leading letters of a misspelled name are compared. */
const beginning = 3;

/**
 * Lists the valid names in the message about an invalid one: those with the same beginning, or all.
 * `additionalProperties` alone only reports the invalid one, and templates aren't rendered once the schema has refused.
 * Only for names at the top level: for nested objects, Helm 4.3 reports the wrong path of a `propertyNames`.
 */
function suggestions(names: readonly string[]): Schema {
  const groups = Map.groupBy(names, (name) => name.slice(0, beginning).toLowerCase());
  const alike = [...groups].map(([start, group]) => when({ pattern: `^${inAnyCase(start)}` }, { enum: group }));
  const others = when({ not: { pattern: `^(${[...groups.keys()].map(inAnyCase).join('|')})` } }, { enum: names });
  return { allOf: [...alike, others] };
}

/**
 * The same for names in nested objects. The value of an invalid name must equal an impossible text, which Helm prints:
 * similar names, or all names.
 */
function suggesting(schema: Schema): Schema {
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]): [string, unknown] => [key, isMap(value) ? suggesting(value) : value]),
  );
  const { properties, additionalProperties } = schema;
  if (!isMap(properties) || additionalProperties !== false) return inner;
  const names = Object.keys(properties).toSorted();
  const groups = Map.groupBy(names, (name) => name.slice(0, beginning));
  const alike = [...groups].map(([start, group]): [string, Schema] => [
    `^${start}${anythingBut(group.map((name) => name.slice(beginning)))}$`,
    insteadOf(group),
  ]);
  return { ...inner, patternProperties: Object.fromEntries(alike), additionalProperties: insteadOf(names) };
}

function insteadOf(names: readonly string[]): Schema {
  return {
    const: names.length === 1 ? `unknown name: use ${names[0]}` : `unknown name: use one of ${names.join(', ')}`,
  };
}

/** A pattern for every text except these; Go's patterns don't support look-ahead. */
function anythingBut(words: readonly string[]): string {
  const byFirst = Map.groupBy(
    words.filter((word) => word !== ''),
    (word) => word.charAt(0),
  );
  const begun = [...byFirst].map(([first, group]) => first + anythingBut(group.map((word) => word.slice(1))));
  const others = byFirst.size === 0 ? '.+' : `[^${[...byFirst.keys()].join('')}].*`;
  return `(${[...begun, others, ...(words.includes('') ? [] : [''])].join('|')})`;
}

function when(condition: Schema, consequence: Schema): Schema {
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema, never awaited
  return { if: condition, then: consequence };
}

function inAnyCase(word: string): string {
  return word.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

function branch(): Branch {
  return { type: 'object', additionalProperties: false, properties: {} };
}

function schemaOf({ keys, description, defaultValue, refinement }: Value): Schema {
  // The default determines at least the type.
  const type = Array.isArray(defaultValue) ? 'array' : isMap(defaultValue) ? 'object' : typeOf(defaultValue);
  const { $ref, ...refined } = resolve(refinement);
  if ($ref !== undefined) throw new Error(`values.yaml refers to ${String($ref)}, which is not defined`);
  if (type === 'array' && refined['items'] === undefined)
    throw new Error(`values.yaml does not say what is in ${keys.join('.')}`);
  return { description, type, ...refined, default: defaultValue };
}

function typeOf(value: unknown): string {
  return typeof value === 'number' ? 'integer' : typeof value;
}

/** Replaces each `$ref` with its definition. */
function resolve(schema: Schema): Schema {
  const { $ref, ...rest } = schema;
  const known = $ref === 'config' ? configSchema() : definitions[String($ref)];
  const resolved = Object.entries({ ...(known ?? ($ref === undefined ? {} : { $ref })), ...rest }).map(
    ([key, value]): [string, unknown] => [key, isMap(value) ? resolve(value) : value],
  );
  return Object.fromEntries(resolved);
}

function configSchema(): Schema {
  const properties = Object.fromEntries(configNames.map((name) => [name, settingSchema(name)]));
  return { type: 'object', additionalProperties: false, properties };
}

function settingSchema(name: SettingName): Schema {
  const { kind, defaultValue, description: purpose }: Setting<unknown> = settingsTable[name];
  const description = `${purpose} It must be ${kind.rule}.${defaultValue === '' ? '' : ` By default ${defaultValue}.`}`;
  const { bounds } = kind;
  switch (bounds.type) {
    case 'toggle':
      return { description, type: 'boolean' };
    case 'integer':
      return { description, type: 'integer', minimum: bounds.minimum, maximum: bounds.maximum };
    case 'duration':
      // The templates validate its range.
      return { description, type: 'string', pattern: `^$|${durationPattern}` };
    case 'choice':
      return { description, type: 'string', enum: ['', ...bounds.options] };
    case 'list':
      return { description, type: 'array', uniqueItems: true, items: { type: 'string', pattern: bounds.pattern } };
    case 'text':
      return { description, type: 'string', ...(bounds.pattern === '' ? {} : { pattern: `^$|${bounds.pattern}` }) };
  }
}
