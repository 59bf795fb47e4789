/** The values files of deploy/chart/ci: each is rendered for the checks of all of them. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { chartFolder, type Values } from '../../test/support/helm.ts';

/** One values file, by its name. */
export interface ValuesFile {
  readonly name: string;
  readonly path: string;
  readonly values: Values;
}

export function valuesFiles(): readonly ValuesFile[] {
  const folder = path.join(chartFolder, 'ci');
  return readdirSync(folder)
    .toSorted()
    .map((name) => {
      const file = path.join(folder, name);
      return { name, path: file, values: parse(readFileSync(file, 'utf8')) };
    });
}

/** Ends the step if a problem was found. */
export function demand(isSo: boolean, otherwise: string): void {
  if (isSo) return;
  console.log(otherwise);
  process.exit(1);
}
