import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../../hack/control-plane/ports.ts';
import { defaultKey, defaultPort } from '../../../emulator/options.ts';
import { documented, fences } from '../../support/documented.ts';
import { projectRoot } from '../../support/pages.ts';
import { plain, readerShell } from '../../support/reader-shell.ts';

const page = 'docs/local-development.md';
// Three programs and a separate control plane start here.
vi.setConfig({ testTimeout: 300_000 });

/** A separate checkout, so that a control plane that a developer uses in this one stays unchanged. */
const checkout = mkdtempSync(path.join(tmpdir(), 'vps247-checkout-'));
const cleanups: (() => Promise<unknown>)[] = [];
let port = 0;

beforeAll(async () => {
  port = await freePort();
  for (const name of [
    'package.json',
    'package-lock.json',
    'node_modules',
    'hack',
    'src',
    'emulator',
    'test',
    'deploy',
    'examples',
    'crds',
  ])
    symlinkSync(path.join(projectRoot, name), path.join(checkout, name));
  mkdirSync(path.join(checkout, '.out'));
});

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  rmSync(checkout, { recursive: true, force: true });
});

const env = () => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  VPS247_API_URL: `http://127.0.0.1:${port}`,
});

/** A block as its reader types it, for an emulator whose port is its own. */
const typed = (script: string): string =>
  script
    .replace(/^npm run emulator$/m, `npm run emulator -- --port ${port}`)
    .replaceAll(`127.0.0.1:${defaultPort}`, `127.0.0.1:${port}`);

/** What a script prints in the fourth terminal. */
function shell(script: string): Promise<string> {
  return readerShell(`${documented(page, 'terminal')}\n${script}`, { cwd: checkout, env: env() });
}

/** A terminal in which a program runs until the end of the test, and what it has printed. */
function terminal(block: string): () => string {
  // A separate process group: npm has children.
  const child = spawn('bash', ['--norc', '-c', typed(documented(page, block))], {
    cwd: checkout,
    env: env(),
    detached: true,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const closed = new Promise((resolve) => child.once('close', resolve));
  cleanups.push(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    await closed;
  });
  return () => printed;
}

test('three terminals, in any order, and the commands of the fourth have the documented effect', async () => {
  const operator = terminal('operator');
  await expect.poll(operator, { timeout: 60_000 }).toContain('Waiting for `npm run control-plane`');
  const controlPlane = terminal('control-plane');
  await expect.poll(operator, { timeout: 120_000 }).toContain('Waiting for `npm run emulator`');
  terminal('emulator');
  await expect.poll(operator, { timeout: 120_000 }).toContain('Synced VirtualMachines');
  expect(controlPlane()).toContain(documented(page, 'terminal').split('\n')[0]?.replace('$PWD', checkout));

  const all = fences(page);
  for (const [index, { name, language, text, line }] of all.entries()) {
    if (name === undefined || ['control-plane', 'emulator', 'operator', 'terminal'].includes(name)) continue;
    const shown = all[index + 1];
    const script = `${documented(page, 'terminal')}\n${typed(text)}`;
    const printed = await readerShell(script, { cwd: checkout, env: env() });
    expect(language).toBe('sh');
    if (shown?.language === 'text') expect(plain(printed), `${page}:${line}`).toBe(plain(shown.text));
    else expect(printed, `${page}:${line}`).not.toContain('exit code');
    if (name === 'look') {
      expect(printed).toContain('"operation":"CreateMachine"');
      expect(printed).not.toContain('Warning');
    }
  }
});

test('samples that are deleted and applied again at once have the new password Secret, also without a garbage collector', async () => {
  const again = `${documented(page, 'create')}${documented(page, 'delete')}`;
  expect(await shell(`${again}${documented(page, 'create')}`)).not.toContain('exit code');
  const machine = await shell(`kubectl get vps web -o jsonpath='{.metadata.uid}'`);
  const owner = await shell(`kubectl get secret web-initial-password -o jsonpath='{.metadata.ownerReferences[0].uid}'`);
  expect(owner).toBe(machine);
  expect(await shell('kubectl get events --field-selector reason=InitialPasswordConflict')).toContain(
    'No resources found',
  );
});

test('the deletion of a protected object is refused, as in an installation', async () => {
  expect(await shell('kubectl get validatingadmissionpolicybinding -o name')).toContain(
    'deletion-protection.vps247.com',
  );
  await shell(`kubectl patch vps web --type merge -p '{"spec":{"deletionProtection":true}}'`);
  expect(await shell('kubectl delete vps web 2>&1')).toContain('deletionProtection');
  expect(await shell('kubectl get vps web -o name')).toContain('virtualmachine.vps247.com/web');
});

test('the page and the flags name the same port and key', () => {
  const text = fences(page).map((fence) => fence.text);
  expect(text.join('')).toContain(`http://127.0.0.1:${defaultPort}/`);
  expect(defaultKey).toBe('demo-key');
});

test('every shell block is run here, except those about flags and other clusters', () => {
  const unnamed = fences(page).filter(({ language, name }) => language === 'sh' && name === undefined);
  expect(unnamed.map(({ text }) => text.split('\n').at(-2))).toEqual([
    'npm run operator -- --log-level debug',
    'npm run operator -- --kubeconfig ~/.kube/config --api-url http://127.0.0.1:8247 --leader-election=false',
  ]);
});
