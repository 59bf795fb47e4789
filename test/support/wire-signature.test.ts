import { describe, expect, test } from 'vitest';
import { isWatch, signatureOf, type WireRequest } from './wire-signature.ts';

const objects = '/apis/vps247.com/v1alpha1/namespaces/test-1/virtualmachines';

function request(line: string, body?: unknown): WireRequest {
  const [method = '', target = ''] = line.split(' ');
  const { pathname, searchParams } = new URL(target, 'http://x');
  const api = pathname.startsWith('/api') ? 'kubernetes' : 'provider';
  return { api, method, path: pathname, query: searchParams, body: body === undefined ? '' : JSON.stringify(body) };
}

const ready = (reason: string) => ({
  conditions: [
    { type: 'Synced', reason: 'x' },
    { type: 'Ready', reason },
  ],
});
const annotated = (annotations: object, finalizers: readonly string[] = ['vps247.com/finalizer']) => ({
  metadata: { resourceVersion: '7', finalizers, annotations },
});

describe('the signature of a request', () => {
  test.each<[string, unknown, string, string]>([
    [`GET ${objects}?limit=500`, undefined, 'GET virtualmachines', 'a page size gives the same signature'],
    [`GET ${objects}?limit=500&continue=x`, undefined, 'GET virtualmachines?continue', 'a further page is'],
    [
      `GET ${objects}?watch=true&resourceVersion=9`,
      undefined,
      'GET virtualmachines?watch',
      'nor is a place in history',
    ],
    [
      `GET ${objects}?watch=true&sendInitialEvents=true`,
      undefined,
      'GET virtualmachines?watch&initial',
      'everything is asked for',
    ],
    [`GET ${objects}/web`, undefined, 'GET virtualmachines/{name}', 'a single object'],
    [`GET ${objects}/virtualmachines`, undefined, 'GET virtualmachines/{name}', 'named like the resource'],
    ['GET /apis/vps247.com/v1alpha1/virtualmachines', undefined, 'GET virtualmachines', 'of all namespaces'],
    ['GET /api/v1/namespaces/a/secrets/vps247-credentials', undefined, 'GET secrets/{name}', 'of the core group'],
    ['GET /version', undefined, 'GET /version', 'no resource at all'],
    [
      `PATCH ${objects}/web?fieldManager=x`,
      annotated({ 'vps247.com/create-pending': 'then' }),
      'PATCH virtualmachines/{name} (+create-pending)',
      'the intent',
    ],
    [
      `PATCH ${objects}/web`,
      annotated({ 'vps247.com/machine': '{}', 'vps247.com/create-pending': null }),
      'PATCH virtualmachines/{name} (+machine -create-pending)',
      'the identity',
    ],
    [`PATCH ${objects}/web`, annotated({}, []), 'PATCH virtualmachines/{name} (-finalizer)', 'the release'],
    [
      `PATCH ${objects}/web/status`,
      { status: ready('Stopping') },
      'PATCH virtualmachines/{name}/status (Stopping)',
      'a status is not the object',
    ],
    [
      `PATCH ${objects}/web/status`,
      { status: { addresses: [] } },
      'PATCH virtualmachines/{name}/status',
      'one that leaves the conditions as they are',
    ],
    [
      '/apis/events.k8s.io/v1/namespaces/a/events'.replace(/^/, 'POST '),
      { reason: 'Stopping', note: 'machine 7 …' },
      'POST events (Stopping)',
      'an event by its reason',
    ],
    ['POST /virtual_machines', { name: 'web-1' }, 'POST /virtual_machines', 'the provider: a create'],
    ['POST /virtual_machines/1001/stop', undefined, 'POST /virtual_machines/{id}/stop', 'and a power call'],
    ['DELETE /virtual_machines/1001', undefined, 'DELETE /virtual_machines/{id}', 'and a delete'],
  ])('%s with %j is "%s": %s', (line, body, signature) => {
    expect(signatureOf(request(line, body))).toBe(signature);
  });

  test('a body with invalid JSON is identified by its path alone', () => {
    expect(signatureOf({ ...request(`PATCH ${objects}/web`), body: '{"metadata"' })).toBe(
      'PATCH virtualmachines/{name}',
    );
  });
});

test.each([
  [`GET ${objects}?watch=true`, true],
  [`GET ${objects}?watch=false`, false],
  ['GET /virtual_machines?watch=true', false],
])('%s is a watch: %s', (line, expected) => {
  expect(isWatch(request(line))).toBe(expected);
});
