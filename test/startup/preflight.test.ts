import { describe, expect, test } from 'vitest';
import { virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import { KubeError } from '../../src/kubernetes/errors.ts';
import type { AccessReview, Permission } from '../../src/kubernetes/access-review.ts';
import type { Log } from '../../src/telemetry/log.ts';
import { waitUntilReady, missingFields } from '../../src/startup/preflight.ts';
import { createManualClock } from '../support/clock.ts';

/** The schema as the API server serves it, less the fields named. */
function openApi(...without: readonly string[]): unknown {
  const schema = structuredClone(virtualMachineSchema) as { properties: Record<string, { properties: object }> };
  for (const path of without) {
    const [field = '', ...parents] = path.split('.').toReversed();
    let at: unknown = schema;
    // Walks down the test's own copy.
    for (const parent of parents.toReversed()) at = (at as { properties: Record<string, unknown> }).properties[parent];
    delete (at as { properties: Record<string, unknown> }).properties[field];
  }
  return { components: { schemas: { 'com.vps247.v1alpha1.VirtualMachine': schema } } };
}

const notServed = new KubeError('get the schema: 404', { reason: 'Unexpected', status: 404 });

interface Case {
  readonly openApi?: () => Promise<unknown>;
  readonly isAllowed?: (right: Permission, namespace?: string) => boolean;
}

/** Runs it against a cluster that is like `before` for five seconds, and then all right. */
async function run(before: Case, namespaces: readonly string[] = []) {
  const clock = createManualClock();
  const lines: string[] = [];
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (message, fields) => void lines.push(`${message}: ${String(fields?.['reason'])}`),
    error: () => {},
    with: () => log,
  };
  const isAsBefore = (): boolean => clock.monotonic() < 5_000;
  const accessReview: AccessReview = {
    openApi: async () => (isAsBefore() && before.openApi ? before.openApi() : openApi()),
    isAllowed: async (right, namespace) => !isAsBefore() || (before.isAllowed?.(right, namespace) ?? true),
  };
  let isDone = false;
  const shown: (string | undefined)[] = [];
  const onObstacle = (why: string | undefined) => void (why === shown.at(-1) || shown.push(why));
  const done = waitUntilReady(namespaces, { accessReview, clock, log, onBlocked: onObstacle }).then(
    () => (isDone = true),
  );
  await clock.settle();
  const wasDoneAtOnce = isDone;
  await clock.advance(10_000);
  await done;
  return { lines, wasDoneAtOnce, shown };
}

test('a field that the entries of a list lack is missing too', () => {
  const schema = structuredClone(virtualMachineSchema);
  // Walks down the test's own copy.
  const { items } = (schema.properties?.['status']?.properties ?? {})['addresses'] as { items: { properties: object } };
  items.properties = { ...items.properties, gateway: undefined };
  const schemas = { 'com.vps247.v1alpha1.VirtualMachine': JSON.parse(JSON.stringify(schema)) as unknown };
  expect(missingFields({ components: { schemas } })).toEqual(['status.addresses.[].gateway']);
});

test('a complete cluster needs no wait', async () => {
  expect(await run({})).toMatchObject({ lines: [], wasDoneAtOnce: true });
});

const network = new KubeError('get the schema of vps247.com/v1alpha1: ECONNREFUSED', { reason: 'Network' });
const unauthorized = new KubeError('get the schema: 401 Unauthorized', { reason: 'Unauthorized', status: 401 });

describe('a missing prerequisite is reported in a sentence, and waited for', () => {
  test.each<[what: string, before: Case, sentence: string]>([
    [
      'the API server',
      { openApi: () => Promise.reject(network) },
      'The Kubernetes API server does not answer as it should (get the schema of vps247.com/v1alpha1: ECONNREFUSED).',
    ],
    [
      'a credential',
      { openApi: () => Promise.reject(unauthorized) },
      'The Kubernetes API server does not know who calls: correct the credentials (get the schema: 401 Unauthorized).',
    ],
    [
      'the definition',
      { openApi: () => Promise.reject(notServed) },
      'The CustomResourceDefinition virtualmachines.vps247.com is not installed: apply deploy/manifests/crds.yaml of this version.',
    ],
    [
      'the definition in the document',
      { openApi: async () => ({ components: { schemas: {} } }) },
      'The CustomResourceDefinition virtualmachines.vps247.com is not installed: apply deploy/manifests/crds.yaml of this version.',
    ],
    [
      'a field, at the top and below',
      { openApi: async () => openApi('spec.restartRequest', 'spec.powerOff.mode') },
      'The CustomResourceDefinition virtualmachines.vps247.com is older than this operator, it lacks spec.powerOff.mode, spec.restartRequest: apply deploy/manifests/crds.yaml of this version.',
    ],
    [
      'a value of a field',
      { openApi: async () => JSON.parse(JSON.stringify(openApi()).replace('"TrySoft"', '"Tried"')) as unknown },
      'The CustomResourceDefinition virtualmachines.vps247.com is older than this operator, it lacks spec.powerOff.mode=TrySoft: apply deploy/manifests/crds.yaml of this version.',
    ],
    [
      'most fields',
      {
        openApi: async () =>
          openApi('spec.region', 'spec.package', 'spec.osTemplate', 'spec.ipv6', 'spec.sshKeyIds', 'status'),
      },
      'The CustomResourceDefinition virtualmachines.vps247.com is older than this operator, it lacks spec.region, spec.package, spec.osTemplate, spec.ipv6, spec.sshKeyIds and 1 more: apply deploy/manifests/crds.yaml of this version.',
    ],
    [
      'a right',
      {
        isAllowed: ({ verb, resource, subresource }) =>
          !(verb === 'patch' && resource === 'virtualmachines' && subresource === 'status'),
      },
      'The operator may not patch virtualmachines/status (vps247.com) in all namespaces.',
    ],
    [
      'several permissions',
      { isAllowed: ({ verb }) => verb !== 'get' },
      'The operator may not get virtualmachines (vps247.com) in all namespaces. The operator may not get secrets in all namespaces.',
    ],
  ])('%s', async (_what, before, sentence) => {
    expect(await run(before)).toEqual({
      lines: [],
      wasDoneAtOnce: false,
      shown: [sentence, undefined],
    });
  });
});

/** A cluster that lets objects be listed in these namespaces and nowhere else. */
const onlyIn = (...allowed: readonly string[]): Case => ({
  isAllowed: ({ verb, resource }, namespace) =>
    verb !== 'list' || resource !== 'virtualmachines' || (namespace !== undefined && allowed.includes(namespace)),
});

test('with a list of namespaces, permissions in each of them suffice, and the ones without are named', async () => {
  expect(await run(onlyIn('a', 'b'), ['a', 'b'])).toMatchObject({ lines: [], wasDoneAtOnce: true });
  const { shown } = await run(onlyIn('a'), ['a', 'b', 'c']);
  expect(shown).toEqual([
    'The operator may not list virtualmachines (vps247.com) in namespace b, namespace c.',
    undefined,
  ]);
});

test('an optional permission that is missing is reported, and not waited for', async () => {
  const { lines, wasDoneAtOnce } = await run({
    isAllowed: ({ verb, resource }) => verb === 'get' || resource !== 'secrets',
  });
  expect(wasDoneAtOnce).toBe(true);
  expect(lines).toEqual([
    'Missing optional permission: The operator may not list secrets in all namespaces: a changed API key is noticed after minutes only.',
    'Missing optional permission: The operator may not watch secrets in all namespaces: a changed API key is noticed after minutes only.',
    'Missing optional permission: The operator may not create secrets in all namespaces: initial passwords are not kept.',
  ]);
});
