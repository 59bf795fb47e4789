import path from 'node:path';
import { expect, test } from 'vitest';
import { credentialsLabel } from '../../src/api/v1alpha1/constants.ts';
import { definitions, onlyOne, readManifests, samplesFolder, type Manifest, virtualMachines } from './manifests.ts';

/** The part of an OpenAPI schema that is walked here. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
}

const samples = readManifests(samplesFolder);
const crd = onlyOne(readManifests(definitions), 'CustomResourceDefinition', virtualMachines);
const [version] = crd['spec'].versions;
const specSchema: Schema = version.schema.openAPIV3Schema.properties.spec;

function sample(name: string): Manifest {
  return onlyOne(
    samples.filter(({ file }) => file === `${name}.yaml`),
    'VirtualMachine',
  );
}

/** What a VM can't be created without; the schema says it in CEL, because a VM that is adopted or observed has them already. */
const neededToCreate = ['region', 'package', 'osTemplate'];

function neededIn(schema: Schema, where: string): readonly string[] {
  return where === 'spec' ? neededToCreate : (schema.required ?? []);
}

/** What is wrong with a value by its schema's names: unknown fields, missing ones, words outside an enum. */
function complaints(value: unknown, schema: Schema, where = 'spec'): string[] {
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return [`${where}: not one of ${schema.enum.join(', ')}`];
  if (typeof value !== 'object' || value === null || schema.properties === undefined) return [];
  const missing = neededIn(schema, where)
    .filter((name) => !(name in value))
    .map((name) => `${where}.${name}: missing`);
  const wrong = Object.entries(value).flatMap(([name, child]) => {
    const next = schema.properties?.[name];
    return next ? complaints(child, next, `${where}.${name}`) : [`${where}.${name}: unknown`];
  });
  return [...missing, ...wrong];
}

test('every sample is one object of the installed resource, named like its file, without a namespace', () => {
  for (const { file, apiVersion, kind, metadata } of samples) {
    expect(apiVersion).toBe(`${crd['spec'].group}/${version.name}`);
    expect(kind).toBe(crd['spec'].names.kind);
    expect(metadata).toEqual({ name: path.basename(file, '.yaml') });
  }
});

test.each(samples)('$file has only fields and values of the schema', ({ spec }) => {
  expect(complaints(spec, specSchema)).toEqual([]);
});

test('the check above finds mistakes', () => {
  const spec = { ...sample('web')['spec'], powerState: 'Off', powerOff: { grace: '5s' }, package: undefined };
  delete spec.package;
  expect(complaints(spec, specSchema)).toEqual([
    'spec.package: missing',
    expect.stringMatching(/^spec\.powerState: not one of /),
    'spec.powerOff.grace: unknown',
  ]);
});

test('the samples show one of each: running, halted, ignoring the shutdown signal, invalid', () => {
  expect(Object.keys(sample('web')['spec']), 'web shows how little is needed').toEqual(neededToCreate);
  expect(sample('batch')['spec'].powerState).toBe('Halted');
  expect(sample('appliance')['spec']).toMatchObject({
    osTemplate: { name: 'Appliance (ignores ACPI)' },
    powerOff: { mode: 'TrySoft', gracePeriodSeconds: 5 },
  });
  expect(sample('typo')['spec'].package).toEqual({ name: 'Budgett' });
});

test('the example of credentials has the label and key that objects use, contains no key, and is not applied with the samples', () => {
  const secret = onlyOne(readManifests(path.join(samplesFolder, 'credentials')), 'Secret');
  const reference = specSchema.properties?.['credentialsSecretRef'];
  const defaultValue = (field: string) => reference?.properties?.[field]?.default;
  expect(secret.metadata).toEqual({ name: defaultValue('name'), labels: { [credentialsLabel]: 'true' } });
  expect(secret['stringData']).toEqual({ [String(defaultValue('key'))]: 'REPLACE_ME' });
  expect(samples.map(({ kind }) => kind)).not.toContain('Secret');
});
