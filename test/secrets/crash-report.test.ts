import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';

const program = join(import.meta.dirname, '../../src/main.ts');
const key = 'the-key-of-a-request';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vps247-crash-report-'));
  const kubeconfig = {
    clusters: [{ name: 'nowhere', cluster: { server: 'http://127.0.0.1:1' } }],
    contexts: [{ name: 'nowhere', context: { cluster: 'nowhere', user: 'unknown' } }],
    users: [{ name: 'unknown', user: {} }],
    'current-context': 'nowhere',
  };
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(kubeconfig));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An error such as HTTP clients make. The key comes by the environment, because the code's own text is in the stack. */
const failure = `Object.assign(new Error('boom'), { options: { headers: { 'x-api-key': process.env.A_KEY } }, code: 'ERR_ANY' })`;

test.each([
  ['thrown', `throw ${failure}`],
  ['a rejection', `Promise.reject(${failure})`],
  ['within another', `throw new Error('outer', { cause: ${failure} })`],
])(
  'an uncaught error ends the operator and is reported without its request: %s',
  { timeout: 240_000 },
  async (_how, statement) => {
    const preload = `data:text/javascript,${encodeURIComponent(`process.once('SIGUSR2', () => { ${statement}; })`)}`;
    const flags = [
      '--leader-election=false',
      '--kubeconfig',
      join(folder, 'kubeconfig'),
      '--metrics-address',
      '127.0.0.1:0',
      '--health-address',
      '127.0.0.1:0',
    ];
    const child = spawn(process.execPath, ['--import', preload, program, '--api-url', 'http://127.0.0.1:1', ...flags], {
      env: { A_KEY: key },
    });
    try {
      const [out, errors] = [text(child.stdout), text(child.stderr)];
      await once(child.stdout, 'data'); // it has started
      child.kill('SIGUSR2');
      const [code] = await once(child, 'exit');
      expect(code).toBe(1);
      expect(await errors).toMatch(/"message":"(boom|outer)".*"stack":"Error: /);
      expect((await out) + (await errors)).not.toContain(key);
    } finally {
      child.kill('SIGKILL');
    }
  },
);
