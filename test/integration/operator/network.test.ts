import http from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildBundle } from '../../../hack/build.ts';
import { createCertificateAuthority } from '../../support/certificate.ts';
import { startForwardProxy } from '../../support/forward-proxy.ts';
import { startTlsServer, type TlsServer } from '../../support/tls-server.ts';
import { apiKey, useFixtures } from './fixture.ts';

const stageOf = useFixtures('network');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(path.join(tmpdir(), 'vps247-network-'));
const authority = createCertificateAuthority('A company');
const caFile = path.join(folder, 'ca.crt');
let bundle: string;
beforeAll(async () => {
  writeFileSync(caFile, authority.cert);
  bundle = (await buildBundle(folder)).file;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The emulator as `https://provider.test`, a name that only the proxy resolves. */
function startTlsFront(apiUrl: string): Promise<TlsServer> {
  return startTlsServer(authority.issue('provider.test'), (request, response) => {
    const { method, headers } = request;
    const forwarded = http.request(`${apiUrl}${request.url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
}

test('the bundle reaches a provider with a certificate of a private CA through a proxy, and Kubernetes without', async () => {
  const fixture = await stageOf('private-ca');
  await using proxy = await startForwardProxy();
  await using front = await startTlsFront(fixture.apiUrl);
  const operator = fixture.start({
    entry: bundle,
    through: { kubeconfig: fixture.kubeconfig, apiUrl: `https://provider.test:${front.port}` },
    variables: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NODE_EXTRA_CA_CERTS: caFile },
  });
  await fixture.create('web');
  await fixture.untilReady('web', 'True/Available', 90_000);
  expect(await operator.stop()).toBe(0);
  expect(operator.output()).toContain(`"proxy":"127.0.0.1:${proxy.port}"`);
  expect(fixture.emulator.machines()).toHaveLength(1);
  expect(new Set(proxy.tunnels)).toEqual(new Set([`provider.test:${front.port}`]));
  expect(proxy.requests).toEqual([]);
  expect(proxy.seen()).not.toContain(apiKey);
});

test('without that CA the object reports the certificate, and no key is sent', async () => {
  const fixture = await stageOf('unknown-ca');
  await using proxy = await startForwardProxy();
  await using front = await startTlsFront(fixture.apiUrl);
  fixture.start({
    entry: bundle,
    through: { kubeconfig: fixture.kubeconfig, apiUrl: `https://provider.test:${front.port}` },
    variables: { https_proxy: `http://127.0.0.1:${proxy.port}` },
  });
  await fixture.create('web');
  await fixture.cluster.until('the certificate is reported', async () =>
    JSON.stringify((await fixture.object('web'))?.status ?? {}).includes('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
  );
  expect(front.requests).toEqual([]);
});
