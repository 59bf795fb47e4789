/**
 * Parses the comments of deploy/chart/values.yaml, which are the source of the chart's schema and of its README. The
 * lines above a key describe it. `# @schema {…}`, on a separate line, refines the type of the default. `# @section …`
 * starts a section.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { chartFolder } from '../../../test/support/helm.ts';

/** The keywords of a JSON schema that are used here. */
export type Schema = Readonly<Record<string, unknown>>;

/** One value that users set: a leaf of the tree. */
export interface Value {
  /** `image.tag` as a list of keys. */
  readonly keys: readonly string[];
  readonly section: string;
  readonly description: string;
  readonly defaultValue: unknown;
  /** The description from the comment. */
  readonly refinement: Schema;
}

interface Comment {
  readonly description: readonly string[];
  readonly refinement: Schema | undefined;
}

/** Throws if a value has no description. */
export function readValues(): readonly Value[] {
  const text = readFileSync(path.join(chartFolder, 'values.yaml'), 'utf8');
  const tree: unknown = parse(text);
  const values: Value[] = [];
  let section = '';
  let comment: string[] = [];
  const above: { readonly key: string; readonly indent: number }[] = [];
  /** Skips deeper lines, which belong to a value that was read already. */
  let insideOf = Number.POSITIVE_INFINITY;
  for (const line of text.split('\n')) {
    const [, indentation = '', note, key] = /^( *)(?:# ?(.*)|([A-Za-z]\w*):.*)?$/.exec(line) ?? [];
    if (note !== undefined && indentation.length <= insideOf) {
      const title = /^@section (.+)$/.exec(note)?.[1];
      if (title === undefined) comment.push(note);
      else section = title;
    }
    if (line.trim() === '') comment = [];
    if (key === undefined || indentation.length > insideOf) continue;
    while ((above.at(-1)?.indent ?? -1) >= indentation.length) above.pop();
    const keys = [...above.map((parent) => parent.key), key];
    const defaultValue = keys.reduce<unknown>((node, part) => (isMap(node) ? node[part] : undefined), tree);
    const { description, refinement } = understand(comment);
    comment = [];
    if (isMap(defaultValue) && Object.keys(defaultValue).length > 0 && refinement === undefined) {
      above.push({ key, indent: indentation.length });
      insideOf = Number.POSITIVE_INFINITY;
      continue;
    }
    if (description.length === 0) throw new Error(`values.yaml says nothing about ${keys.join('.')}`);
    values.push({ keys, section, description: description.join(' '), defaultValue, refinement: refinement ?? {} });
    insideOf = indentation.length;
  }
  return values;
}

function understand(lines: readonly string[]): Comment {
  const notes = lines.filter((line) => line.startsWith('@schema '));
  const refinement = notes.map((line) => parse(line.slice('@schema '.length)) as Schema); // `as`: an object, otherwise the chart's schema is invalid.
  return { description: lines.filter((line) => !line.startsWith('@')), refinement: refinement[0] };
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
