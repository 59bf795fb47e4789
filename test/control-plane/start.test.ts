import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Refusal } from '../../hack/control-plane/refusal.ts';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/start.ts';
import { Scratch } from '../setup/scratch.ts';
import { folderOf, tracesOf } from './traces.ts';

interface Reply {
  readonly status: number;
  readonly body: { readonly message?: string; readonly status?: { readonly token?: string } };
}

/** One request to the API server, which is checked by the certificate it is said to have. */
async function call(plane: ControlPlane, path: string, post?: object, token = plane.adminToken): Promise<Reply> {
  const agent = new Agent({ connect: { ca: plane.caData } });
  const { statusCode, body } = await request(plane.server + path, {
    dispatcher: agent,
    method: post === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: post === undefined ? null : JSON.stringify(post),
  });
  // `as`: the API answers with an object, also when it refuses.
  const answer = (await body.json()) as Reply['body'];
  await agent.close();
  return { status: statusCode, body: answer };
}

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const configMaps = '/api/v1/namespaces/default/configmaps';

describe('two control planes', () => {
  let planes: readonly [ControlPlane, ControlPlane];

  beforeAll(async () => {
    planes = await Promise.all([startControlPlane(), startControlPlane()]);
  });
  afterAll(() => Promise.all(planes.map((plane) => plane.stop())));

  test('are independent of each other', async () => {
    const [one, other] = planes;
    expect(one.server).not.toBe(other.server);
    expect(await call(one, configMaps, configMap('mine'))).toMatchObject({ status: 201 });
    expect(await call(one, `${configMaps}/mine`)).toMatchObject({ status: 200 });
    expect(await call(other, `${configMaps}/mine`)).toMatchObject({ status: 404 });
    const { status } = await call(other, configMaps, undefined, one.adminToken);
    expect(status, 'the key to one is none to the other').toBe(401);
  });

  test('keep their data, address and certificate when the API server is stopped and started', async () => {
    const [plane] = planes;
    const before = { server: plane.server, caData: plane.caData };
    await call(plane, configMaps, configMap('kept'));
    await plane.stopApiServer();
    await expect(call(plane, configMaps)).rejects.toThrow('ECONNREFUSED');
    await plane.startApiServer();
    expect({ server: plane.server, caData: plane.caData }).toEqual(before);
    expect(await call(plane, `${configMaps}/kept`)).toMatchObject({ status: 200 });
  });

  test('give a service account its granted permissions, and no others', async () => {
    const [plane] = planes;
    const accounts = '/api/v1/namespaces/default/serviceaccounts';
    await call(plane, accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } });
    const tokenRequest = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const { body } = await call(plane, `${accounts}/robot/token`, tokenRequest);
    const { token = '' } = body.status ?? {};
    expect(await call(plane, configMaps, undefined, token)).toMatchObject({
      status: 403,
      body: {
        message: expect.stringContaining('"system:serviceaccount:default:robot" cannot list resource "configmaps"'),
      },
    });
    expect(JSON.parse(plane.kubeconfigFor(token))).toMatchObject({
      clusters: [{ cluster: { server: plane.server } }],
      users: [{ user: { token } }],
    });
  });

  test('cannot be reached from other machines', async () => {
    const port = Number(new URL(planes[0].server).port);
    const outward = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of outward) {
      const outcome = await new Promise((resolve) => {
        const socket = connect({ host: address, port }, () => resolve('connected'));
        socket
          .once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
          .once('close', () => socket.destroy());
      });
      expect(outcome, address).toBe('ECONNREFUSED');
    }
  });
});

test('leave nothing after a stop, also when it is requested twice', async () => {
  const plane = await startControlPlane({ controllerManager: true });
  const folder = folderOf(plane);
  expect(tracesOf(folder)).toEqual(
    expect.arrayContaining(['etcd', 'kube-apiserver', 'kube-controller-manager', folder]),
  );
  await Promise.all([plane.stop(), plane.stop()]);
  expect(tracesOf(folder)).toEqual([]);
});

describe('with broken programs', () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch();
    vi.stubEnv('KUBEBUILDER_ASSETS', scratch.at('bin'));
    scratch.program('kube-apiserver', 'exit 0');
    scratch.program('etcd', 'echo "no room for $1"; exit 3');
    return () => {
      vi.unstubAllEnvs();
      scratch[Symbol.dispose]();
    };
  });

  test('the start fails with the end of the log of the first program that exited, and keeps that log', async () => {
    const error = await startControlPlane().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    const { message } = error as Refusal; // it is one, as was just seen
    expect(message).toMatch(
      /^etcd exited \(code 3\) before it was ready\. The end of its log:\nno room for --data-dir=.*\nFull/,
    );
    const log = message.split('Full log: ')[1] ?? '';
    expect(readFileSync(log, 'utf8')).toContain('no room for');
    const kept = log.slice(0, log.lastIndexOf('/'));
    expect(tracesOf(kept.replace(/-logs$/, ''))).toEqual([]);
    rmSync(kept, { recursive: true });
  });

  test('the logs are in the requested place', async () => {
    const logDir = scratch.at('logs');
    await expect(startControlPlane({ logDir })).rejects.toThrow(`Full log: ${logDir}/etcd.log`);
    expect(readdirSync(logDir)).toEqual(['etcd.log']);
  });

  test('a missing program is reported in a sentence', async () => {
    scratch.write('bin/etcd', '\u007FELF not at all');
    await expect(startControlPlane({ logDir: scratch.at('logs') })).rejects.toThrow(
      /^etcd exited \(.*\) before it was ready/,
    );
  });
});
