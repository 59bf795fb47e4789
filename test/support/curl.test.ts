import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Answers with what it got, and 404 below `/none`. */
const server = createServer(async (request, response) => {
  const body = await text(request);
  response.statusCode = request.url === '/none' ? 404 : 200;
  response.end(`${request.method} ${request.headers['x-api-key'] ?? 'no key'} ${body}`);
});
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  // `as`: it listens on a port, not on a path.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

async function curl(args: readonly string[], input = '') {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'curl.ts'), ...args]);
  const code = new Promise<number | null>((resolve) => void child.once('close', resolve));
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

test.each([
  ['a GET with headers from its input', ['--silent', '--header', '@-'], 'X-Api-Key: k1', 'GET k1 '],
  ['a POST of data', ['--silent', '--data', '{"a":1}'], '', 'POST no key {"a":1}'],
])('%s', async (_name, args, input, answer) => {
  expect(await curl([...args, url], input)).toEqual({ code: 0, stdout: answer, stderr: '' });
});

test('an error status is an exit code only with --fail, and a message only with --show-error', async () => {
  expect(await curl(['--silent', `${url}/none`])).toMatchObject({ code: 0, stdout: 'GET no key ' });
  expect(await curl(['--silent', '--fail', `${url}/none`])).toEqual({ code: 22, stdout: '', stderr: '' });
  expect(await curl(['--silent', '--show-error', '--fail', `${url}/none`])).toMatchObject({
    code: 22,
    stderr: 'curl: (22) The requested URL returned error: 404\n',
  });
});

test('an option that it does not have is refused', async () => {
  const { code, stderr } = await curl(['--location', url]);
  expect(code).not.toBe(0);
  expect(stderr).toContain('--location');
});
