import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** A link in a Markdown file, without its title. */
interface Link {
  readonly line: number;
  readonly target: string;
}

/** The text with code removed line by line, so that line numbers stay. */
function prose(text: string): string[] {
  let fence: string | undefined;
  return text.split('\n').map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
      return '';
    }
    fence = mark;
    return mark === undefined ? line : '';
  });
}

function linksIn(text: string): Link[] {
  return prose(text).flatMap((line, index) =>
    Array.from(line.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g), ([, target = '']) => ({
      line: index + 1,
      target,
    })),
  );
}

/** The anchors of a Markdown file, as GitHub generates them from its headings. */
export function anchorsIn(text: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = prose(text).flatMap((line) => /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1] ?? []);
  const explicit = Array.from(text.matchAll(/<a (?:id|name)="([^"]+)"/g), ([, id = '']) => id);
  const slugs = headings.map((heading) => {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set([...explicit, ...slugs]);
}

/**
 * The broken links of a Markdown file; `file` is its path below `root`. Links to other hosts are only checked for their
 * form.
 */
export function brokenLinks(root: string, file: string, text: string): string[] {
  return linksIn(text).flatMap(({ line, target }) => {
    const complain = (what: string): string[] => [`${file}:${line}: ${target}: ${what}`];
    if (/^[a-z][a-z+.-]*:/i.test(target)) {
      if (target.startsWith('mailto:')) return [];
      if (!URL.canParse(target) || !target.startsWith('https://')) return complain('not an https address');
      return [];
    }
    const [where = '', anchor] = target.split('#');
    const place = where === '' ? path.join(root, file) : path.join(root, path.dirname(file), decodeURI(where));
    if (path.relative(root, place).startsWith('..')) return complain('outside of the repository');
    if (!existsSync(place)) return complain('no such file');
    if (anchor === undefined) return [];
    if (statSync(place).isDirectory() || !place.endsWith('.md'))
      return complain('an anchor in a file that is not a page');
    return anchorsIn(readFileSync(place, 'utf8')).has(anchor) ? [] : complain('no such heading');
  });
}
