/** The programs of a control plane on this machine: downloaded, or built from their Go modules, when first needed, then found. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { takeLock } from '../setup/lock.mjs';
import { inWords, showProgress } from '../setup/progress.mjs';
import { isProgram, type ProgramName, type Recipe, recipeOf } from './catalog.ts';
import { DownloadError, type Patience } from './download.ts';
import { type Archive, type archivedPrograms, ensureArchive, pinnedArchive } from './envtest.ts';
import { Go, insteadOfBuilding, type Workload } from './go.ts';
import { Refusal } from './refusal.ts';

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Bytes that may still be written where this folder lies. */
  readonly freeBytes: (folder: string) => number;
  readonly output: { write(text: string): unknown; isTTY?: boolean };
  /** For tests: another archive, or none. */
  readonly archive: Archive | undefined;
  readonly patience: Patience | undefined;
}

const here: Surroundings = {
  env: process.env,
  freeBytes: (folder) => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  },
  output: process.stderr,
  archive: pinnedArchive(),
  patience: undefined,
};

/**
 * The paths of these programs in their pinned versions: those of a control plane from KUBEBUILDER_ASSETS if that is set, all others
 * from the user's cache, where those that are missing are built first, showing progress. Throws a Refusal when it can't.
 */
export async function ensureComponents<Name extends ProgramName>(
  names: readonly Name[],
  surroundings: Partial<Surroundings> = {},
): Promise<Readonly<Record<Name, string>>> {
  const full = { ...here, ...surroundings };
  const paths: [Name, string][] = [];
  for (const name of names) paths.push([name, findInAssets(name, full.env) ?? (await findOrBuild(name, full))]);
  // `as`: fromEntries forgets which keys there are.
  return Object.fromEntries(paths) as Record<Name, string>;
}

/**
 * The same programs, as soon as they can be had: unless they are in KUBEBUILDER_ASSETS or built already, they come from envtest's
 * archive, whose Kubernetes may be older. Where it can't be downloaded, they are built.
 */
export async function ensureArchivedComponents<Name extends (typeof archivedPrograms)[number]>(
  names: readonly Name[],
  surroundings: Partial<Surroundings> = {},
): Promise<Readonly<Record<Name, string>>> {
  const full = { ...here, ...surroundings };
  const { env, output, archive, patience } = full;
  if (env['KUBEBUILDER_ASSETS'] || names.every((name) => isProgram(builtPath(recipeOf(name, env)))))
    return ensureComponents(names, full);
  try {
    if (archive === undefined) throw new DownloadError(`no archive for ${process.platform} on ${process.arch}`);
    const folder = await ensureArchive(archive, { env, output, patience });
    // `as`: fromEntries forgets which keys there are.
    return Object.fromEntries(names.map((name) => [name, join(folder, name)])) as Record<Name, string>;
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    output.write(
      `Can't download the control plane: ${error.message}. Building it from source instead: about ${inWords(buildTime(names, env))}.\n`,
    );
    return ensureComponents(names, full);
  }
}

/** Milliseconds, when nothing is in Go's caches. */
function buildTime(names: readonly ProgramName[], env: NodeJS.ProcessEnv): number {
  const missing = names.map((name) => recipeOf(name, env)).filter((recipe) => !isProgram(builtPath(recipe)));
  return missing.reduce((sum, recipe) => sum + usualTime(recipe), 0);
}

/** Milliseconds on this machine. */
function usualTime({ seconds }: Recipe): number {
  return (seconds * 1_000 * 2) / availableParallelism();
}

function findInAssets(name: ProgramName, env: NodeJS.ProcessEnv): string | undefined {
  const assets = env['KUBEBUILDER_ASSETS'];
  const { inAssets } = recipeOf(name, env);
  if (!assets || inAssets === undefined) return undefined;
  const path = join(assets, name);
  if (isProgram(path)) return path;
  if (inAssets === 'optional') return undefined;
  throw new Refusal(`KUBEBUILDER_ASSETS is ${assets}, which has no program ${name}. Add it, or unset the variable.`);
}

function builtPath({ folder, name }: Recipe): string {
  return join(folder, name);
}

async function findOrBuild(name: ProgramName, surroundings: Surroundings): Promise<string> {
  const recipe = recipeOf(name, surroundings.env);
  const path = builtPath(recipe);
  if (isProgram(path)) return path;
  const { output } = surroundings;
  // One build at a time, also of different programs: each keeps all cores busy.
  const lock = await takeLock(join(recipe.folder, '..', 'lock'), `building ${recipe.name}`, ({ pid, doing }) => {
    output.write(`Waiting for process ${pid}, which is ${doing}.\n`);
  });
  try {
    // The process that held the lock may have built it.
    if (!isProgram(path)) await build(recipe, path, surroundings);
    return path;
  } finally {
    lock.release();
  }
}

async function build(recipe: Recipe, path: string, { env, freeBytes, output }: Surroundings): Promise<void> {
  const { name, version, folder } = recipe;
  mkdirSync(folder, { recursive: true });
  // This process holds the lock: an unfinished build is left over from a killed process.
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith('.building-')) rmSync(join(folder, entry), { recursive: true, force: true });
  }
  const logFile = join(folder, `${name}.log`);
  rmSync(logFile, { force: true });
  const workshop = mkdtempSync(join(folder, '.building-'));
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  let work: Workload | undefined;
  let compiled = 0;
  const finish = showProgress(() => {
    if (work === undefined) return `Downloading the sources of ${name} ${version}`;
    const left = remaining(recipe, work, compiled, elapsed());
    const percent = Math.floor((100 * compiled) / (work.stale + 1));
    return `Building ${name} ${version}: ${percent} %, about ${inWords(rounded(left))} left`;
  }, output);
  let lastWords: string | undefined;
  try {
    const go = new Go(recipe, env, logFile);
    const { modules, buildCache } = await go.check();
    const places = [modules, buildCache, folder];
    demandRoom(recipe, places, 1, freeBytes);
    const { packages, stale } = (work = await go.workload());
    demandRoom(recipe, places, 1 + (recipe.gigabytes * stale) / packages, freeBytes);
    await go.build(join(workshop, name), workshop, () => (compiled += 1));
    renameSync(join(workshop, name), path);
    rmSync(logFile, { force: true });
    lastWords = `Built ${name} ${version}`;
  } finally {
    finish(lastWords);
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** Go itself would notice too, after minutes, and with less of a sentence. */
function demandRoom(
  { name }: Recipe,
  places: readonly string[],
  gigabytes: number,
  freeBytes: Surroundings['freeBytes'],
): void {
  for (const place of places) {
    mkdirSync(place, { recursive: true });
    const free = freeBytes(place) / 1e9;
    if (free >= gigabytes) continue;
    throw new Refusal(
      `Building ${name} needs about ${gigabytes.toFixed(1)} GB, but ${place} is on a disk with ${free.toFixed(1)} GB free. Free some space, or ${insteadOfBuilding}.`,
    );
  }
}

/** Rounded to 10 seconds, and from one minute on to minutes, because an estimate isn't more accurate. */
function rounded(milliseconds: number): number {
  const step = milliseconds > 60_000 ? 60_000 : 10_000;
  return Math.ceil(milliseconds / step) * step;
}

/**
 * Milliseconds until the build is done. Packages differ too much in size for the first of them to tell; so what the build is known
 * to take counts at the beginning, and the measured speed towards the end.
 */
function remaining(recipe: Recipe, { packages, stale }: Workload, compiled: number, elapsed: number): number {
  // Linking counts as one twentieth of all packages: that much is to be done even if each of them is in Go's cache.
  const total = stale + packages / 20;
  const done = compiled / total;
  const byExperience = usualTime(recipe) * (total / (packages * 1.05)) * (1 - done);
  const byPace = done === 0 ? byExperience : (elapsed * (1 - done)) / done;
  return byExperience * (1 - done) + byPace * done;
}
