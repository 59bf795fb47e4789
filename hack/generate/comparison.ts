import { type Anchor, type Repository, anchors } from './comparison/anchors.ts';
import { installation } from './comparison/installation.ts';
import { operation } from './comparison/operation.ts';
import { project } from './comparison/project.ts';
import type { Row, Theme } from './comparison/table.ts';
import { generatedFrom, markdownTable } from './table.ts';

const themes: readonly Theme[] = [...installation, ...operation, ...project];

/** docs/comparison.md: what well-kept operators do, where each does it, and where this one does. Pure. */
export function renderComparison(): string {
  return `# Compared with operators that others take for a model

${generatedFrom('hack/generate/comparison')}

What people expect of an operator that is well kept, six that set these expectations, and this one. Each *yes* and *partly* links to a file that shows it; *not found* means that
somebody looked for it in the repositories at the end of this page, at the commits named there, and did not find it. It may be elsewhere, or have come since: a correction is welcome.
Rows were chosen by what matters for installing, upgrading, watching and removing, not by who does well in them. What the others have and this one lacks is in [the roadmap](../ROADMAP.md), where it can be had by work.

${themes.map(renderTheme).join('\n\n')}

## What was looked at

${markdownTable(['repository', 'commit', 'of'], repositoriesOf(anchors).map(repositoryRow))}
`;
}

function renderTheme({ title, rows }: Theme): string {
  const head = ['', 'this operator', ...anchors.map((anchor) => anchor.title)];
  return `## ${title}\n\n${markdownTable(head, rows.map(renderRow))}`;
}

function renderRow([convention, ours, ...theirs]: Row): readonly string[] {
  const cells = theirs.map((cell, index) => renderCell(cell, (path, text) => linkOf(anchors[index], path, text)));
  return [convention, renderCell(ours, (path, text) => `[${text}](../${path})`, baseName), ...cells];
}

/** The verdict links to the first file; further ones follow under numbers, or under the names that `nameOf` gives them. */
function renderCell(
  cell: string,
  link: (path: string, text: string) => string,
  nameOf?: (path: string) => string,
): string {
  const [, verdict = '', files = '', remark] = /^(yes|partly) ([^;]+)(?:; (.+))?$/.exec(cell) ?? [];
  if (verdict === '') return renderAbsence(cell, nameOf !== undefined);
  const paths = files.split(', ');
  const shown =
    nameOf === undefined
      ? paths.map((path, index) => link(path, index === 0 ? verdict : String(index + 1))).join(' ')
      : `${verdict}: ${paths.map((path) => link(path, nameOf(path))).join(', ')}`;
  return remark === undefined ? shown : `${shown}${nameOf === undefined ? ':' : ';'} ${remark}`;
}

/** Of others it is only known that nobody found it. */
function renderAbsence(cell: string, isOurs: boolean): string {
  const [, remark] = /^no(?: (.+))?$/.exec(cell) ?? [];
  const word = isOurs ? 'no' : 'not found';
  return remark === undefined ? word : `${word}: ${remark}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function linkOf(anchor: Anchor | undefined, path: string, text: string): string {
  const [, prefix = '', file = ''] = /^(?:(\w+):)?(.+)$/.exec(path) ?? [];
  const repository = anchor?.repositories[prefix];
  if (repository === undefined) throw new Error(`${anchor?.title} has no repository for ${path}`);
  return `[${text}](https://github.com/${repository.name}/blob/${repository.commit}/${file})`;
}

/** Each once. */
function repositoriesOf(all: readonly Anchor[]): readonly Repository[] {
  return [...new Set(all.flatMap(({ repositories }) => Object.values(repositories)))];
}

function repositoryRow({ name, commit, date }: Repository): readonly string[] {
  return [`[${name}](https://github.com/${name}/tree/${commit})`, `\`${commit.slice(0, 12)}\``, date];
}
