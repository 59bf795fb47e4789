import { type SettingName, type Setting, settingNames, settingsTable } from '../../../src/config/settings.ts';
import { definitions } from './definitions.ts';
import { isMap, readValues, type Schema, type Value } from './values.ts';

/** Settings that the chart has under another name than `config.<name>`, because more follows from them than an environment variable. */
export const elsewhere: Readonly<Partial<Record<SettingName, string>>> = {
  namespaces: 'watchNamespaces',
  takeOverFrom: 'takeOverFrom',
};

/** Those that have their place under `config`. */
export const configNames = settingNames.filter((name) => elsewhere[name] === undefined);

/** A node while the tree is built. */
interface Branch {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Record<string, Schema | Branch>;
}

/** deploy/chart/values.schema.json: draft 7, which every Helm since 3 reads. It refuses keys that it does not know. */
export function renderSchema(): string {
  const root = branch();
  for (const value of readValues()) {
    let node = root;
    for (const key of value.keys.slice(0, -1)) {
      const next = (node.properties[key] ??= branch());
      // What has values below it was made by the line above.
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

/** Letters that a misspelt name most likely has right: those at its beginning. */
const beginning = 3;

/**
 * Which names are valid, for the message about one that isn't: those that begin alike, or all. `additionalProperties` alone names only
 * the wrong one, and templates aren't rendered once the schema has refused. Only for the names at the top: of an object below, helm
 * 4.3 reports the wrong place of a `propertyNames`.
 */
function suggestions(names: readonly string[]): Schema {
  const groups = Map.groupBy(names, (name) => name.slice(0, beginning).toLowerCase());
  const alike = [...groups].map(([start, group]) => when({ pattern: `^${inAnyCase(start)}` }, { enum: group }));
  const others = when({ not: { pattern: `^(${[...groups.keys()].map(inAnyCase).join('|')})` } }, { enum: names });
  return { allOf: [...alike, others] };
}

/**
 * The same for the names in nested objects. The value of a wrong name must equal an impossible text that helm prints: similar names, or
 * all names.
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

/** A pattern for every text that is none of these; Go's patterns can't look ahead. */
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

function schemaOf({ keys, description, byDefault, refinement }: Value): Schema {
  // The default determines at least the type.
  const type = Array.isArray(byDefault) ? 'array' : isMap(byDefault) ? 'object' : typeOf(byDefault);
  const { $ref, ...refined } = resolve(refinement);
  if ($ref !== undefined) throw new Error(`values.yaml refers to ${String($ref)}, which is not defined`);
  if (type === 'array' && refined['items'] === undefined)
    throw new Error(`values.yaml does not say what is in ${keys.join('.')}`);
  return { description, type, ...refined, default: byDefault };
}

function typeOf(value: unknown): string {
  return typeof value === 'number' ? 'integer' : typeof value;
}

/** Replaces each `$ref` by what it stands for. */
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
  const { kind, byDefault, sentence }: Setting<unknown> = settingsTable[name];
  const description = `${sentence} It must be ${kind.rule}.${byDefault === '' ? '' : ` By default ${byDefault}.`}`;
  const { bounds } = kind;
  switch (bounds.type) {
    case 'toggle':
      return { description, type: 'boolean' };
    case 'integer':
      return { description, type: 'integer', minimum: bounds.minimum, maximum: bounds.maximum };
    case 'duration':
      // Its range is the templates' to judge.
      return { description, type: 'string', pattern: String.raw`^(|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$` };
    case 'choice':
      return { description, type: 'string', enum: ['', ...bounds.options] };
    case 'list':
      return { description, type: 'array', uniqueItems: true, items: { type: 'string', pattern: bounds.pattern } };
    case 'text':
      return { description, type: 'string', ...(bounds.pattern === '' ? {} : { pattern: `^$|${bounds.pattern}` }) };
  }
}
