import { describe, expect, test } from 'vitest';
import { printerColumns, virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import { allOf, type PropertiesOf, type RequiredOf, type Schema } from '../../src/api/v1alpha1/schema/openapi.ts';
import type { CatalogueStatus, PowerState } from '../../src/api/v1alpha1/types.ts';

/** Every schema below the object's own three fields, with its path. */
function fieldsOf(schema: Schema, path: string): (readonly [path: string, schema: Schema])[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => fieldsOf(field, `${path}.${name}`));
  const items = schema.items === undefined ? [] : fieldsOf(schema.items, `${path}[]`);
  return [[path, schema] as const].concat(below, items);
}

const { spec, status } = virtualMachineSchema.properties ?? {};
if (spec === undefined || status === undefined) throw new Error('no spec or status');
const fields = fieldsOf(spec, 'spec').concat(fieldsOf(status, 'status'));

function offenders(isFine: (schema: Schema) => boolean): string[] {
  return fields.filter(([, schema]) => !isFine(schema)).map(([path]) => path);
}

function isBounded({ type, maxItems, maxLength, enum: values, format }: Schema): boolean {
  return type === 'array' ? maxItems !== undefined : type !== 'string' || (maxLength ?? values ?? format) !== undefined;
}

function hasWhatItRequires({ required = [], properties = {} }: Schema): boolean {
  return required.every((name) => Object.hasOwn(properties, name));
}

describe('every field', () => {
  test('says what it is in sentences', () => {
    expect(fields.length).toBeGreaterThan(50);
    expect(offenders(({ description = '' }) => /^[A-Z][^]*\.$/.test(description))).toEqual([]);
  });

  test('is bounded, or rules on it would be too expensive for the API server', () => {
    expect(offenders(isBounded)).toEqual([]);
  });

  test('requires only what it has', () => {
    expect(offenders(hasWhatItRequires)).toEqual([]);
  });
});

describe('types and schema say the same', () => {
  const schema: Schema = { type: 'string' };

  // These comments are the test: `npm run check` fails when the line below one of them compiles.
  test('a field too few or too many does not compile', () => {
    // @ts-expect-error: `name` is missing
    const tooFew = { id: schema } satisfies PropertiesOf<CatalogueStatus>;
    // @ts-expect-error: there is no `size`
    const tooMany = { id: schema, name: schema, size: schema } satisfies PropertiesOf<CatalogueStatus>;
    expect([tooFew, tooMany]).toHaveLength(2);
  });

  test('an enum or a list of required fields that differs does not compile', () => {
    // @ts-expect-error: `Halted` is missing
    const tooFew = allOf<PowerState>({ Running: true });
    // @ts-expect-error: `name` is optional
    const tooMany = allOf<RequiredOf<CatalogueStatus>>({ id: true, name: true });
    expect([tooFew, tooMany]).toEqual([['Running'], ['id', 'name']]);
  });
});

test('columns that are always shown fit beside each other; the rest is for -o wide', () => {
  const shown = printerColumns.filter(({ priority }) => priority === undefined).map(({ name }) => name);
  expect(shown).toEqual(['State', 'Address', 'Region', 'Package', 'Ready', 'Age']);
});
