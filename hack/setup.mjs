/**
 * What every `npm run` command does first: install the packages of package-lock.json, Node 24 among them, if they are
 * missing. It runs under any Node from version 20, without packages, and returns immediately if everything is
 * installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from './setup/lock.mjs';
import { showProgress } from './setup/progress.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const node = join(modules, '.bin', 'node');
// Written last and inside, so that deleting node_modules or an incomplete installation removes it too.
const stamp = join(modules, '.installed');

/** Changes whenever `npm ci` would install something else. */
function fingerprint() {
  const { scripts: _, ...manifest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return createHash('sha256')
    .update(`${process.platform} ${process.arch} ${JSON.stringify(manifest)}`)
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function isInstalled() {
  return existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint();
}

/**
 * Installs what the lock file says; returns a sentence when that fails.
 * @param {import('./setup/lock.mjs').Lock} lock
 */
async function install(lock) {
  const wanted = fingerprint();
  rmSync(stamp, { force: true });
  const { code, output } = await npmCi(lock);
  if (code !== 0)
    return `${output.trim()}\n\`npm ci\` failed (${code}); its output is above. Fix the cause, then run the command again.`;
  const major = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies?.node?.split('.')[0];
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  if (!version.startsWith(`v${major}.`)) {
    return `node_modules/.bin/node is not Node ${major}${version && ` but ${version}`}. Allow npm to run install scripts (\`npm config set ignore-scripts false\`), then run \`npm rebuild node\`.`;
  }
  writeFileSync(stamp, wanted);
  return undefined;
}

/**
 * Runs npm, showing that it runs and for how long; its output is kept back.
 * @param {import('./setup/lock.mjs').Lock} lock
 * @returns {Promise<{ code: number | string, output: string }>}
 */
function npmCi(lock) {
  const finish = showProgress(() => 'Installing packages (npm ci)');
  // Packages meant for newer Node versions warn under an older one; they run under the one installed here.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  // Two npm processes in one folder would conflict.
  if (child.pid !== undefined) lock.shareWith(child.pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => (output += chunk));
  }
  return new Promise((resolve) => {
    const end = (/** @type {number | string} */ code) => {
      finish(code === 0 ? 'Installed packages' : undefined);
      resolve({ code, output });
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(code ?? signal ?? 'no code'));
  });
}

async function main() {
  if (isInstalled()) return;
  const lock = await takeLock(join(root, '.out', 'setup.lock'), 'installing packages', ({ pid, doing }) => {
    console.error(`Waiting for process ${pid}, which is ${doing}.`);
  });
  try {
    // The process that held the lock has probably installed them.
    const failure = isInstalled() ? undefined : await install(lock);
    if (failure !== undefined) {
      console.error(failure);
      process.exitCode = 1;
    }
  } finally {
    lock.release();
  }
}

await main();
