import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.join(import.meta.dirname, '../..');
const site = path.join(root, 'site');

/** Installs the packages that build the site, according to the lock file of site/, unless they are installed. */
export function installSitePackage(): void {
  const stamp = path.join(site, 'node_modules/.installed');
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(site, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, wanted);
}

/** Runs a program in site/; ends the step with its output if it fails. */
export function run(program: string, args: readonly string[], cwd = site): string {
  const bin = path.join(site, 'node_modules/.bin');
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH']}` };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status === 0) return stdout;
  console.error(`${program} ${args.join(' ')} ended with ${status ?? error?.message}\n${stdout}${stderr}`);
  process.exit(1);
}
