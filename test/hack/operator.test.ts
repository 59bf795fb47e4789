import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../support/pages.ts';

/** `npm run operator` with these arguments, in a folder where no control plane runs. */
function run(...args: readonly string[]) {
  const program = path.join(projectRoot, 'hack/operator.ts');
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' };
  return spawnSync(process.execPath, [program, ...args], { cwd: '/', env, encoding: 'utf8' });
}

test('an operator for another cluster is refused without the address of its provider', () => {
  const { status, stderr } = run('--kubeconfig', '/nonexistent/config');
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining('--kubeconfig names another cluster: give --api-url too'),
  ]);
});

test('with both, the flags reach the operator unchanged, and nothing is applied', () => {
  const args = ['--kubeconfig', '/nonexistent/config', '--api-url=http://127.0.0.1:1', '--pol-interval=5s'];
  const { stdout, stderr } = run(...args);
  expect([stdout, stderr]).toEqual([
    '',
    '--pol-interval is not a flag of this program; did you mean --poll-interval?\n',
  ]);
});

test('a flag with a typo is refused before anything is waited for or applied', () => {
  const { status, stdout, stderr } = run('--pol-interval=5s');
  expect([status, stdout, stderr]).toEqual([
    1,
    '',
    '--pol-interval is not a flag of this program; did you mean --poll-interval?\n',
  ]);
});

test('the help is that of the command, and names the page', () => {
  const { status, stdout } = run('--help');
  expect([status, stdout]).toEqual([0, expect.stringContaining('docs/local-development.md')]);
});
