/**
 * A step of `npm run verify`: builds docs/ and examples/ into .out/site, and checks every link and anchor of the
 * result.
 */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { installSitePackage, root, run } from './site-package.ts';

const built = path.join(root, '.out/site');
rmSync(built, { recursive: true, force: true });
installSitePackage();
run('vitepress', ['build', '.']);

const names = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending));
const html = names(built, '.html').filter((name) => name !== '404.html');
const textOf = new Map(html.map((name) => [name, readFileSync(path.join(built, name), 'utf8')]));
const idsOf = new Map(
  [...textOf].map(([name, text]) => [name, new Set(Array.from(text.matchAll(/\sid="([^"]+)"/g), ([, id]) => id))]),
);

/** The page at a path of the site. */
function pageAt(address: string): string | undefined {
  const plain = address.replace(/^\//, '');
  return [plain, `${plain}.html`, path.posix.join(plain, 'index.html')].find((name) => idsOf.has(name));
}

const problems: string[] = [];
let followed = 0;
for (const [name, text] of textOf) {
  for (const [, href = ''] of text.matchAll(/<a\b[^>]*\shref="([^"]+)"/g)) {
    if (/^[a-z]+:/.test(href)) continue;
    followed += 1;
    const address = new URL(href, `http://site/${name}`);
    const page = pageAt(decodeURI(address.pathname));
    if (page === undefined) {
      if (!existsSync(path.join(built, decodeURI(address.pathname)))) problems.push(`${name}: ${href} not found`);
    } else if (address.hash !== '' && !idsOf.get(page)?.has(decodeURIComponent(address.hash.slice(1)))) {
      problems.push(`${name}: ${href}: anchor not found`);
    }
  }
}

// The sidebar of any page is the navigation.
const home = textOf.get('index.html') ?? '';
const shown = new Set(Array.from(home.matchAll(/href="([^"#]+)"/g), ([, href = '']) => pageAt(href)));
const sources = [
  ...names(path.join(root, 'docs'), '.md').map((name) => name.replace(/README\.md$/, 'index.md')),
  ...names(path.join(root, 'examples'), 'README.md').map((name) =>
    path.posix.join('examples', name.replace(/^README\.md$/, 'index.md').replace(/\/README\.md$/, '.md')),
  ),
].map((name) => name.replace(/\.md$/, '.html'));
for (const page of sources) if (!shown.has(page)) problems.push(`${page} is missing from the navigation`);
for (const page of sources) if (!idsOf.has(page)) problems.push(`${page} was not built`);

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`✓ ${sources.length} pages, all of them built and in the navigation`);
console.log(`✓ ${followed} links and anchors, none dead`);
