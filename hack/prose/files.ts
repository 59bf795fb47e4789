import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, findingsIn } from './findings.ts';
import { type Exception, exceptions } from './words.ts';

const root = join(import.meta.dirname, '..', '..');

/** All formats that contain text, except the word list itself and files of released versions. */
const isRead = /\.(?:md|ts|mjs|go|lua|ya?ml|tpl|txt)$|^Dockerfile$|^\.ci\//;
const isNotRead = /^hack\/prose\/words\.ts$|^test\/golden\//;
/** Its source is checked instead. */
const isGenerated = /^(?:<!--|#) Generated .*do not edit/m;

interface Prose {
  readonly path: string;
  readonly text: string;
}

/** The text files below these paths; without paths, of the whole project. */
export function readProse(paths: readonly string[]): readonly Prose[] {
  // Git lists nothing for some files when a pathspec excludes another folder beside them, so this filters instead.
  const command = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...paths];
  return execFileSync('git', command, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => isRead.test(path) && !isNotRead.test(path) && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .filter(({ text }) => !isGenerated.test(text.slice(0, 600)));
}

export interface Findings {
  readonly byFile: ReadonlyMap<string, readonly Finding[]>;
  /** Exceptions that no file needs. */
  readonly unneeded: readonly Exception[];
}

export async function findAll(paths: readonly string[]): Promise<Findings> {
  const byFile = new Map<string, readonly Finding[]>();
  const needed = new Set<Exception>();
  for (const { path, text } of readProse(paths)) {
    const findings = (await findingsIn(text)).filter(({ words }) => {
      const exception = exceptions.find((one) => one.path.test(path) && one.words.test(words));
      if (exception !== undefined) needed.add(exception);
      return exception === undefined;
    });
    if (findings.length > 0) byFile.set(path, findings);
  }
  return { byFile, unneeded: exceptions.filter((exception) => !needed.has(exception)) };
}
