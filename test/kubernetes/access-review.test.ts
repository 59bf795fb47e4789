import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { createAccessReview, type Permission } from '../../src/kubernetes/access-review.ts';
import { createTransport } from '../../src/kubernetes/transport.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { startRawServer } from '../support/raw-server.ts';
import { json } from './connect.ts';

const right: Permission = { verb: 'patch', group: 'vps247.com', resource: 'virtualmachines', subresource: 'status' };

/** Asks a server that answers so; what was asked, and what came of it. */
async function ask(answer: object, namespace?: string) {
  const asked: unknown[] = [];
  await using server = await startRawServer(async (request, response) => {
    const pieces: Uint8Array[] = [];
    // Without an encoding set, a request yields bytes.
    for await (const piece of request) pieces.push(piece as Uint8Array);
    asked.push(JSON.parse(Buffer.concat(pieces).toString('utf8')));
    json(response, 201, answer);
  });
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'test', server: server.url, skipTLSVerify: false }, { name: 'test' });
  const transport = createTransport(config, { clock: systemClock, version: '1.2.3' });
  const isAllowed = await createAccessReview(transport).isAllowed(right, namespace);
  await transport.close();
  return { asked, isAllowed };
}

test('a permission is requested in the given namespace, or in all of them', async () => {
  const { asked } = await ask({}, 'team-a');
  expect(asked).toEqual([
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { ...right, namespace: 'team-a' } },
    },
  ]);
  expect((await ask({})).asked).toMatchObject([{ spec: { resourceAttributes: right } }]);
  expect((await ask({})).asked).not.toMatchObject([{ spec: { resourceAttributes: { namespace: expect.anything() } } }]);
});

test.each<[answer: object, isAllowed: boolean]>([
  [{ status: { allowed: true } }, true],
  [{ status: { allowed: false, reason: 'RBAC' } }, false],
  [{ status: { allowed: 'true' } }, false],
  [{}, false],
])('the answer %j: permitted: %s', async (answer, isAllowed) => {
  expect((await ask(answer)).isAllowed).toBe(isAllowed);
});
