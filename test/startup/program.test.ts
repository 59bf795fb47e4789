import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startOperator } from '../support/operator-process.ts';
import { startRawServer } from '../support/raw-server.ts';
import { writeKubeconfig } from './cluster.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vps247-program-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function kubeconfig(name: string, server: string): string {
  return writeKubeconfig(path.join(folder, name), server);
}

/** Nothing listens there. */
const nowhere = 'http://127.0.0.1:1';

function start(config: string, flags: readonly string[] = []) {
  return startOperator({ kubeconfig: config, apiUrl: nowhere, flags, logFile: path.join(folder, 'operator.log') });
}

test.each<[what: string, config: () => string, flags: readonly string[], code: number, sentence: RegExp]>([
  [
    'a setting is wrong',
    () => kubeconfig('a', nowhere),
    ['--workers=none'],
    2,
    /^--workers must be a whole number from 1 to 512, not "none"\.\n$/,
  ],
  [
    'the namespace of the Lease is unknown',
    () => kubeconfig('b', nowhere),
    ['--leader-election=true'],
    2,
    /^The namespace of the Lease is not known outside of a pod: give --leader-election-namespace/,
  ],
  [
    'the kubeconfig is missing',
    () => path.join(folder, 'missing'),
    [],
    3,
    /^Cannot read the kubeconfig .*missing.*\n$/,
  ],
  [
    'the kubeconfig names no server',
    () => kubeconfig('c', 'nowhere'),
    [],
    3,
    /^The kubeconfig's cluster "one" has no http\(s\) URL as its server\.\n$/,
  ],
])('%s: it ends with a code and a sentence', async (_what, config, flags, code, sentence) => {
  const operator = start(config(), flags);
  operator.addresses.catch(() => {});
  expect(await operator.exited).toBe(code);
  expect(operator.output()).toMatch(sentence);
});

test('a proxy that cannot be used: it ends with a code and a sentence without the value', async () => {
  const operator = startOperator({
    kubeconfig: kubeconfig('e', nowhere),
    apiUrl: 'https://provider.test',
    variables: { HTTPS_PROXY: 'socks5://user:hidden@proxy.test' },
    logFile: path.join(folder, 'operator.log'),
  });
  operator.addresses.catch(() => {});
  expect(await operator.exited).toBe(2);
  expect(operator.output()).toBe(
    'HTTPS_PROXY must be the URL of an HTTP proxy, such as http://proxy.example.com:3128.\n',
  );
});

test("the proxy's password is in no line", async () => {
  const password = 'pr0xy-p4ssw0rd';
  await using server = await startRawServer((_request, response) =>
    response.writeHead(403).end(JSON.stringify({ kind: 'Status', message: `via operator:${password}@proxy.test` })),
  );
  const operator = startOperator({
    kubeconfig: kubeconfig('f', server.url),
    apiUrl: 'https://provider.test',
    variables: { HTTPS_PROXY: `http://operator:${password}@proxy.test:3128` },
    logFile: path.join(folder, 'operator.log'),
  });
  await expect.poll(operator.output).toContain('via operator:[redacted]@proxy.test');
  expect(operator.output()).not.toContain(password);
  expect(await operator.stop()).toBe(0);
});

test('an address in use: it ends with a code and a sentence', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  // An AddressInfo, because it listens on a TCP port.
  const { port } = server.address() as AddressInfo;
  const operator = startOperator({
    kubeconfig: kubeconfig('d', nowhere),
    apiUrl: nowhere,
    addresses: [`127.0.0.1:${port}`, '127.0.0.1:0'],
    logFile: path.join(folder, 'operator.log'),
  });
  operator.addresses.catch(() => {});
  expect(await operator.exited).toBe(4);
  expect(operator.output()).toBe(
    `Port ${port} on 127.0.0.1 is in use; stop the program that uses it, or set another address with --metrics-address.\n`,
  );
  server.close();
});

test('an unreachable API server is reported in a sentence, waited for, and does not delay the shutdown', async () => {
  const operator = start(kubeconfig('e', nowhere));
  const { health } = await operator.addresses;
  await expect.poll(operator.output).toContain('Not ready, waiting');
  expect(operator.output()).toContain(
    'The Kubernetes API server does not answer as it should (get the schema of vps247.com/v1alpha1: ECONNREFUSED).',
  );
  const ready = await fetch(`${health}/readyz`);
  const text = await ready.text();
  expect([ready.status, text]).toEqual([
    503,
    expect.stringMatching(
      /^\[\+\]ping ok\n\[-\]kubernetes failed: .*ECONNREFUSED.*\n\[-\]virtualmachines failed: .*\nreadyz check failed\n$/,
    ),
  ]);
  expect((await fetch(`${health}/healthz`)).status).toBe(200);
  expect(await operator.stop()).toBe(0);
});
