/** `npm run check`: all static checks. One line for each step, with its output only if it fails. */
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const binaries = join(root, 'node_modules', '.bin');

interface Step {
  readonly name: string;
  /** A program of node_modules/.bin with its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** The command that fixes it, if one does. */
  readonly remedy?: string;
}

const steps: readonly Step[] = [
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'format', command: ['prettier', '--check', '.'], remedy: 'npx prettier --write .' },
  { name: 'generated files', command: ['node', 'hack/generate.ts', '--check'], remedy: 'npm run generate' },
  { name: 'prose', command: ['node', 'hack/prose.ts'] },
  { name: 'unused files, exports, packages', command: ['knip', '--no-progress'] },
];

/** Runs one step, prints its line, and returns whether it passed. */
async function run({ name, command: [program, ...args], remedy }: Step): Promise<boolean> {
  const startedAt = performance.now();
  const child = spawn(join(binaries, program), args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // The programs are scripts for `node`, and have to find the project's Node.
    env: {
      ...process.env,
      // Otherwise prettier leaves a cache of compiled code in the temporary folder.
      NODE_DISABLE_COMPILE_CACHE: '1',
      PATH: `${binaries}${delimiter}${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.once('error', (error) => {
    output += error.message;
    resolve(false);
  });
  child.once('close', (code) => resolve(code === 0));
  const hasPassed = await promise;
  console.log(`${hasPassed ? 'ok    ' : 'FAILED'}  ${name}  ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  if (!hasPassed) {
    console.log(output.trimEnd().replaceAll(/^/gm, '        '));
    if (remedy !== undefined) console.log(`        To fix it: ${remedy}`);
  }
  return hasPassed;
}

const results = await Promise.all(steps.map(run));
const failures = results.filter((hasPassed) => !hasPassed).length;
console.log(failures === 0 ? 'All checks passed' : `${failures} of ${steps.length} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;
