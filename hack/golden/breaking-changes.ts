/**
 * What a later CRD removes for users of an earlier one. v1alpha1 only grows (docs/api-policy.md): objects, manifests
 * and clients that were valid stay valid, and keep their meaning.
 */

/** A CRD as parsed YAML; any field may be missing. */
export interface Definition {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: Readonly<Record<string, unknown>>;
    readonly versions: readonly Version[];
  };
}

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly subresources?: Readonly<Record<string, unknown>>;
  readonly additionalPrinterColumns?: readonly Column[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
  readonly schema: { readonly openAPIV3Schema: Schema };
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

/** A schema by its keywords: each is compared by its row of `keywords`. */
type Schema = Readonly<Record<string, unknown>>;

/** One sentence for each breaking change in `after`; empty if there is none. Pure. */
export function breakingChanges(before: Definition, after: Definition): readonly string[] {
  return [
    ...differences(before.spec, after.spec, ['group', 'scope']),
    ...differences(before.spec.names, after.spec.names, ['kind', 'listKind', 'plural', 'singular']),
    ...['shortNames', 'categories'].flatMap((list) =>
      missing(before.spec.names[list], after.spec.names[list]).map((name) => `names.${list}: ${name} is gone`),
    ),
    ...before.spec.versions.flatMap((version) => {
      const same = after.spec.versions.find(({ name }) => name === version.name);
      return same === undefined ? [`version ${version.name} is gone`] : versionNarrowings(version, same);
    }),
  ];
}

function versionNarrowings(before: Version, after: Version): readonly string[] {
  const { name } = before;
  return [
    ...(before.served && !after.served ? [`version ${name} is not served any more`] : []),
    ...missing(Object.keys(before.subresources ?? {}), Object.keys(after.subresources ?? {})).map(
      (subresource) => `version ${name}: subresource ${subresource} is gone`,
    ),
    ...(before.additionalPrinterColumns ?? []).flatMap((column) => columnNarrowings(column, after)),
    ...missing(pathsOf(before), pathsOf(after)).map((field) => `field ${String(field)} is not selectable any more`),
    ...schemaNarrowings(before.schema.openAPIV3Schema, after.schema.openAPIV3Schema, ''),
  ];
}

function pathsOf({ selectableFields = [] }: Version): readonly string[] {
  return selectableFields.map(({ jsonPath }) => jsonPath);
}

/** Users and scripts read columns by name; a column's priority may only change so that it is shown more often. */
function columnNarrowings(before: Column, { additionalPrinterColumns = [] }: Version): readonly string[] {
  const after = additionalPrinterColumns.find(({ name }) => name === before.name);
  if (after === undefined) return [`column ${before.name} is gone`];
  return [
    ...differences(before, after, ['type', 'jsonPath']).map((what) => `column ${before.name}: ${what}`),
    ...((after.priority ?? 0) > (before.priority ?? 0) ? [`column ${before.name} is shown with -o wide only`] : []),
  ];
}

/**
 * Compares two values of a keyword, undefined if it isn't used; returns a sentence if the second allows less, or has
 * another meaning.
 */
type Judge = (before: unknown, after: unknown) => readonly string[];

const fixed: Judge = (before, after) => (equal(before, after) ? [] : [`was ${show(before)} and is ${show(after)}`]);
const mayGo: Judge = (before, after) => (after === undefined ? [] : fixed(before, after));
const mayGrow: Judge = (before, after) =>
  after === undefined || (typeof before === 'number' && Number(after) >= before)
    ? []
    : [`was ${show(before)} and is ${show(after)}, which allows less`];
const mayShrink: Judge = (before, after) =>
  after === undefined || (typeof before === 'number' && Number(after) <= before)
    ? []
    : [`was ${show(before)} and is ${show(after)}, which allows less`];
const mayBeSet: Judge = (before, after) => (before === true && after !== true ? ['is not set any more'] : []);
const mayBeUnset: Judge = (before, after) => (before !== true && after === true ? ['is set'] : []);
const free: Judge = () => [];

/** Every keyword that a CRD may use, except those that contain further schemas. */
const keywords: Readonly<Record<string, Judge>> = {
  description: free,
  title: free,
  example: free,
  externalDocs: free,
  type: fixed,
  format: fixed,
  nullable: mayBeSet,
  // The API server fills in a default, and a missing field kept its meaning: so no default may be added, changed or
  // removed.
  default: fixed,
  enum: (before, after) =>
    before === undefined
      ? fixed(before, after)
      : after === undefined
        ? []
        : missing(before, after).map((value) => `${show(value)} is not allowed any more`),
  pattern: mayGo,
  minimum: mayShrink,
  exclusiveMinimum: mayBeUnset,
  maximum: mayGrow,
  exclusiveMaximum: mayBeUnset,
  multipleOf: mayGo,
  minLength: mayShrink,
  maxLength: mayGrow,
  minItems: mayShrink,
  maxItems: mayGrow,
  uniqueItems: mayBeUnset,
  minProperties: mayShrink,
  maxProperties: mayGrow,
  required: (before, after) => missing(after, before).map((name) => `${show(name)} has to be given now`),
  allOf: mayGo,
  anyOf: mayGo,
  oneOf: mayGo,
  not: mayGo,
  'x-kubernetes-validations': (before, after) => listOf(after).flatMap((rule) => newRule(listOf(before), rule)),
  'x-kubernetes-preserve-unknown-fields': mayBeSet,
  'x-kubernetes-int-or-string': fixed,
  'x-kubernetes-embedded-resource': fixed,
  'x-kubernetes-list-type': fixed,
  'x-kubernetes-list-map-keys': fixed,
  'x-kubernetes-map-type': fixed,
};

function schemaNarrowings(before: Schema, after: Schema, path: string): readonly string[] {
  const where = path === '' ? 'the object' : path;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((keyword) => {
    const [was, is] = [before[keyword], after[keyword]];
    switch (keyword) {
      case 'properties':
        return Object.entries(schemasOf(was)).flatMap(([name, schema]) => {
          const below = path === '' ? name : `${path}.${name}`;
          const same = schemasOf(is)[name];
          return same === undefined ? [`${below} is gone`] : schemaNarrowings(schema, same, below);
        });
      case 'items':
      case 'additionalProperties': {
        const below = `${path}${keyword === 'items' ? '[]' : '.*'}`;
        // `true` allows anything; a missing value allows nothing, or has no schema for items.
        if (!isSchema(was) || !isSchema(is)) return fixed(was, is).map((what) => `${where}: ${keyword} ${what}`);
        return schemaNarrowings(was, is, below);
      }
      default: {
        const judge = keywords[keyword] ?? fixed;
        return judge(was, is).map((what) => `${where}: ${keyword} ${what}`);
      }
    }
  });
}

interface Rule {
  readonly rule: string;
  readonly optionalOldSelf?: boolean;
}

/** A new validation rule is only allowed if unchanged stored objects pass it. */
function newRule(before: readonly Rule[], { rule, optionalOldSelf }: Rule): readonly string[] {
  if (before.some((one) => one.rule === rule && one.optionalOldSelf === optionalOldSelf)) return [];
  const isRatcheting = optionalOldSelf === true && /^\s*oldSelf\.orValue\(|oldSelf\.hasValue\(\)/.test(rule);
  return isRatcheting ? [] : [`has the new rule ${show(rule)}, which objects that are stored may break`];
}

function differences(before: object, after: object, fields: readonly string[]): readonly string[] {
  // `as`: both are records from YAML.
  const [was, is] = [before as Readonly<Record<string, unknown>>, after as Readonly<Record<string, unknown>>];
  return fields.flatMap((field) => fixed(was[field], is[field]).map((what) => `${field} ${what}`));
}

/** The members of `before` that are not in `after`. */
function missing(before: unknown, after: unknown): readonly unknown[] {
  const there = Array.isArray(after) ? after : [];
  return Array.isArray(before) ? before.filter((value) => !there.includes(value)) : [];
}

function listOf(value: unknown): readonly Rule[] {
  // `as`: the API server accepts nothing else here.
  return Array.isArray(value) ? (value as Rule[]) : [];
}

function schemasOf(value: unknown): Readonly<Record<string, Schema>> {
  // `as`: see above.
  return isSchema(value) ? (value as Readonly<Record<string, Schema>>) : {};
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Both are from YAML, in which the order of fields has no meaning. */
function equal(a: unknown, b: unknown): boolean {
  return show(a) === show(b);
}

function show(value: unknown): string {
  return JSON.stringify(value, inOrder) ?? 'nothing';
}

function inOrder(_key: string, value: unknown): unknown {
  return isSchema(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value;
}
