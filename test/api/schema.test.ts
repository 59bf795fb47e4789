import { describe, expect, test } from 'vitest';
import { printerColumns, virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import { allOf, type PropertiesOf, type RequiredOf, type Schema } from '../../src/api/v1alpha1/schema/openapi.ts';
import type { CatalogStatus, PowerState } from '../../src/api/v1alpha1/types.ts';

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
  test('has a description in sentences', () => {
    expect(fields.length).toBeGreaterThan(50);
    expect(offenders(({ description = '' }) => /^[A-Z][^]*\.$/.test(description))).toEqual([]);
  });

  test('is bounded, or rules on it would be too expensive for the API server', () => {
    expect(offenders(isBounded)).toEqual([]);
  });

  test('requires only fields that exist', () => {
    expect(offenders(hasWhatItRequires)).toEqual([]);
  });
});

describe('types and schema agree', () => {
  const schema: Schema = { type: 'string' };

  // These comments are the test: `npm run check` fails when the line below one of them compiles.
  test('a missing or extra field does not compile', () => {
    // @ts-expect-error: `name` is missing
    const tooFew = { id: schema } satisfies PropertiesOf<CatalogStatus>;
    // @ts-expect-error: there is no `size`
    const tooMany = { id: schema, name: schema, size: schema } satisfies PropertiesOf<CatalogStatus>;
    expect([tooFew, tooMany]).toHaveLength(2);
  });

  test('an enum or a list of required fields that differs does not compile', () => {
    // @ts-expect-error: `Halted` is missing
    const tooFew = allOf<PowerState>({ Running: true });
    // @ts-expect-error: `name` is optional
    const tooMany = allOf<RequiredOf<CatalogStatus>>({ id: true, name: true });
    expect([tooFew, tooMany]).toEqual([['Running'], ['id', 'name']]);
  });
});

test('the default columns fit beside each other; the others are for -o wide', () => {
  const shown = printerColumns.filter(({ priority }) => priority === undefined).map(({ name }) => name);
  expect(shown).toEqual(['Desired', 'State', 'Ready', 'Reason', 'Address', 'Region', 'Package', 'Age']);
});

/** What the API server shows for the path of a column: fields, an index, or the condition of a type. */
function shownFor(object: unknown, jsonPath: string): unknown {
  let found = object;
  for (const [, name, index, type] of jsonPath.matchAll(/\.(\w+)|\[(\d+)\]|\[\?\(@\.type=="(\w+)"\)\]/g)) {
    // `as`: the object below holds nothing else.
    if (name !== undefined) found = (found as Record<string, unknown>)[name];
    else if (index !== undefined) found = (found as readonly unknown[])[Number(index)];
    else found = (found as readonly { readonly type: string }[]).find((one) => one.type === type);
  }
  return found;
}

test('each column shows the value in its title', () => {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  const object = {
    metadata: { creationTimestamp },
    spec: { region: { name: 'Amsterdam 1' }, package: { id: 2 }, osTemplate: { id: 3 }, powerState: 'Halted' },
    status: {
      id: 90,
      origin: 'Adopted',
      region: { id: 7, name: 'London 1' },
      package: { id: 1, name: 'Budget' },
      osTemplate: { id: 3, name: 'Debian 13 x64' },
      state: 'Running',
      addresses: [{ address: '192.0.2.7' }, { address: '2001:db8::7' }],
      conditions: [
        { type: 'Synced', status: 'False', reason: 'RateLimited', message: 'wait' },
        { type: 'Ready', status: 'True', reason: 'Available', message: 'VM 90 is running; matches the spec' },
      ],
    },
  };
  expect(Object.fromEntries(printerColumns.map(({ name, jsonPath }) => [name, shownFor(object, jsonPath)]))).toEqual({
    Desired: 'Halted',
    State: 'Running',
    Ready: 'True',
    Reason: 'Available',
    Address: '192.0.2.7',
    Region: 'London 1',
    Package: 'Budget',
    Age: creationTimestamp,
    ID: 90,
    Template: 'Debian 13 x64',
    Origin: 'Adopted',
    Message: 'VM 90 is running; matches the spec',
  });
});

test('the defaults of the spec are these, which a change would alter for every existing object', () => {
  const defaults = fieldsOf(spec, 'spec').flatMap(([path, schema]) =>
    schema.default === undefined ? [] : [[path, schema.default] as const],
  );
  expect(Object.fromEntries(defaults)).toEqual({
    'spec.adoption': {},
    'spec.adoption.policy': 'Never',
    'spec.credentialsSecretRef': {},
    'spec.credentialsSecretRef.key': 'api-key',
    'spec.credentialsSecretRef.name': 'vps247-credentials',
    'spec.deletionProtection': false,
    'spec.initialPasswordSecret': {},
    'spec.ipv6': false,
    'spec.managementPolicy': 'Manage',
    'spec.powerDriftPolicy': 'Correct',
    'spec.powerOff': {},
    'spec.powerOff.gracePeriodSeconds': 300,
    'spec.powerOff.mode': 'TrySoft',
    'spec.powerState': 'Running',
    'spec.privateNetworking': false,
    'spec.sshKeyIds': [],
  });
});
