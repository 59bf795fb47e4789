/**
 * `npm run verify`: checks of everything that is shipped that take too long, or need too much, for `npm test`: charts,
 * upgrades, the site, monitoring, linters of other formats. One step after the other; `npm run verify -- NAME…` runs
 * only those. The output of a step is kept in `.out/verify`; the last line is `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { inWords, showProgress } from './setup/progress.mjs';
import { type Step, steps } from './verify/steps.ts';

const root = join(import.meta.dirname, '..');
const binaries = join(root, 'node_modules', '.bin');
const out = join(root, '.out', 'verify');

/** Runs one step and prints its facts; all of its output if it fails. */
async function run({ name, shows, command: [program, ...args] }: Step): Promise<boolean> {
  const startedAt = Date.now();
  const elapsed = (): string => inWords(Date.now() - startedAt);
  const logFile = join(out, `${name}.log`);
  const log = createWriteStream(logFile);
  const finish = showProgress(() => name);
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${binaries}${delimiter}${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
    },
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.once('error', (error) => {
    log.write(`${error.message}\n`);
    resolve(false);
  });
  child.once('close', (code) => resolve(code === 0));
  const hasPassed = await promise;
  await finished(log.end());
  finish(undefined);
  console.log(`${hasPassed ? 'ok    ' : 'FAILED'}  ${name}: ${shows} (${elapsed()})`);
  const output = readFileSync(logFile, 'utf8').trimEnd();
  // Lines that a passed step shows begin with a tick.
  const shown = hasPassed ? output.split('\n').filter((line) => line.startsWith('✓ ')) : output.split('\n').slice(-60);
  for (const line of shown) console.log(`        ${line}`);
  return hasPassed;
}

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`Unknown step ${unknown.join(', ')}; valid: ${steps.map(({ name }) => name).join(', ')}.`);
  process.exitCode = 2;
} else {
  mkdirSync(out, { recursive: true });
  let passed = 0;
  const due = steps.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  for (const step of due) if (await run(step)) passed += 1;
  console.log(`${passed} passed, ${due.length - passed} failed`);
  process.exitCode = passed === due.length ? 0 : 1;
}
