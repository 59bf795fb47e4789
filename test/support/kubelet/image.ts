import { readFileSync } from 'node:fs';
import path from 'node:path';

/** An image as a node has it, unpacked. */
export interface Image {
  /** Registry and path, such as `registry.example/team/image`. */
  readonly repository: string;
  readonly tag: string;
  /** What stands in for an image has none. */
  readonly digest?: string;
  /** Its root file system: a folder of this machine, readable by all users. */
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Under which it runs, unless the Pod has another one. */
  readonly account: Account;
}

/** By number, as a node needs it to tell that it is not root. */
export interface Account {
  readonly user: number;
  readonly group: number;
}

/** Why `reference` is not this image, in a sentence; undefined if it is. With a digest the tag counts for nothing, as on any node. */
export function refusalOf(image: Image, reference: string): string | undefined {
  const [, repository, tag = 'latest', digest] =
    /^([^@]+?)(?::([\w][\w.-]*))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(reference) ?? [];
  const isTheOne =
    repository === image.repository && (digest === undefined ? tag === image.tag : digest === image.digest);
  const known = `${image.repository}:${image.tag}${image.digest === undefined ? '' : `@${image.digest}`}`;
  return isTheOne ? undefined : `${reference} is not here; ${known} is.`;
}

/** The home of a user by the image's own /etc/passwd. */
export function homeOf({ root }: Image, { user }: Account): string {
  const rows = readFileSync(path.join(root, 'etc/passwd'), 'utf8').split('\n');
  const row = rows.map((line) => line.split(':')).find(([, , id]) => id === String(user));
  return row?.[5] ?? '/';
}
