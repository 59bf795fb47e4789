import { isRecord } from '../../domain/json.ts';
import { cutToCharacters, hasCharacters, printable } from '../../domain/text.ts';
import type { Schema } from './schema/openapi.ts';
import { specSchema } from './schema/spec.ts';
import type { VirtualMachineSpec } from './types.ts';

/** A usable spec, and the mistakes in the stored one, a sentence each. */
export interface ReadSpec {
  readonly spec: VirtualMachineSpec;
  readonly errors: readonly string[];
}

const selectors = ['region', 'package', 'osTemplate'] as const;
const longestQuote = 64;

/**
 * Reads a stored spec. The API server validates writes, not stored objects: an object that an earlier schema allowed
 * stays as it was. Invalid parts are replaced by the default or removed, so that readers (also of other objects, for
 * its name) get what the type promises; only a spec without mistakes is the desired state.
 */
export function readSpec(stored: unknown): ReadSpec {
  // Nearly every spec is valid, and the whole fleet is read at startup: sentences are built for the others only.
  const errors = [
    ...(isValid(specSchema, stored) ? [] : errorsOf(specSchema, stored, 'spec')),
    ...crossFieldErrors(stored),
  ];
  // `as`: it fits the schema, which a test keeps in step with the type.
  const spec = (errors.length === 0 ? stored : withDefaults(specSchema, stored)) as VirtualMachineSpec;
  return { spec, errors };
}

/** What is wrong with the value itself: undefined if nothing is. */
function errorOf(schema: Schema, value: unknown): string | undefined {
  const { type } = schema;
  if (!isOfType(type, value))
    return `must be ${type === 'array' || type === 'object' || type === 'integer' ? 'an' : 'a'} ${type}`;
  if (schema.enum?.some((one) => one === value) === false) return `must be one of ${schema.enum.join(', ')}`;
  if (typeof value === 'string') {
    const { minLength = 0, maxLength = Infinity, pattern } = schema;
    if (!hasCharacters(value, minLength, maxLength)) return `must have ${minLength} to ${maxLength} characters`;
    if (pattern !== undefined && !patternOf(pattern).test(value)) return `must match ${pattern}`;
  }
  const size = Array.isArray(value) ? value.length : 0;
  if (size > (schema.maxItems ?? Infinity)) return `must have at most ${schema.maxItems} items`;
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (typeof value === 'number' && (value < minimum || value > maximum)) return `must be from ${minimum} to ${maximum}`;
  return undefined;
}

const patterns = new Map<string, RegExp>();

function patternOf(text: string): RegExp {
  const pattern = patterns.get(text) ?? new RegExp(text, 'u');
  patterns.set(text, pattern);
  return pattern;
}

function isOfType(type: Schema['type'], value: unknown): boolean {
  switch (type) {
    case 'object':
      return isRecord(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
  }
}

function isValid(schema: Schema, value: unknown): boolean {
  if (errorOf(schema, value) !== undefined) return false;
  if (schema.type === 'array') {
    const { items } = schema;
    // `as`: its type was checked just above, here and below.
    return items === undefined || (value as readonly unknown[]).every((item) => isValid(items, item));
  }
  if (schema.type !== 'object') return true;
  const { properties = {} } = schema;
  for (const name in properties) {
    const [property, part] = [properties[name], (value as Readonly<Record<string, unknown>>)[name]];
    if (property === undefined) continue;
    if (part === undefined ? isNeeded(schema, name, property) : !isValid(property, part)) return false;
  }
  return true;
}

/** The API server fills in defaults when it reads an object. */
function isNeeded({ required }: Schema, name: string, property: Schema): boolean {
  return property.default !== undefined || required?.includes(name) === true;
}

function errorsOf(schema: Schema, value: unknown, path: string): readonly string[] {
  const error = errorOf(schema, value);
  if (error !== undefined) return [`${path} ${error}, not ${quote(value)}`];
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? [] : value.flatMap((item, index) => errorsOf(items, item, `${path}[${index}]`));
  }
  if (!isRecord(value)) return [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (value[name] !== undefined) return errorsOf(property, value[name], `${path}.${name}`);
    return isNeeded(schema, name, property) ? [`${path}.${name} is missing`] : [];
  });
}

/** The CEL rules of the schema that the operator depends on. */
function crossFieldErrors(stored: unknown): readonly string[] {
  if (!isRecord(stored)) return [];
  const spec = stored;
  const adoption = isRecord(spec['adoption']) ? spec['adoption'] : {};
  const isOptional = adoption['policy'] === 'MustExist' || spec['managementPolicy'] === 'Observe';
  const errors = selectors.flatMap((name) => {
    const selector = spec[name];
    if (selector === undefined) return isOptional ? [] : [`spec.${name} is missing`];
    const isOne = !isRecord(selector) || (selector['id'] === undefined) !== (selector['name'] === undefined);
    return isOne ? [] : [`spec.${name} needs exactly one of id or name`];
  });
  const isNamed = adoption['id'] !== undefined || adoption['name'] !== undefined;
  return isNamed && adoption['policy'] !== 'MustExist'
    ? [...errors, 'spec.adoption.id and spec.adoption.name need policy MustExist']
    : errors;
}

function withDefaults(schema: Schema, value: unknown): unknown {
  if (schema.type === 'object') {
    const given = isRecord(value) ? value : {};
    const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => [
      name,
      withDefaults(property, given[name]),
    ]);
    // A missing optional field stays missing, unlike an object whose parts have defaults.
    const isWanted = value !== undefined || schema.default !== undefined || schema === specSchema;
    return isWanted ? Object.fromEntries(properties.filter(([, part]) => part !== undefined)) : undefined;
  }
  return value === undefined || errorsOf(schema, value, '').length > 0 ? schema.default : value;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return cutToCharacters(printable(text), longestQuote);
}
