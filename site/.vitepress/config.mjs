import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { navigation } from '../navigation.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const docs = join(root, 'docs');
/** URL of the repository, from package.json. */
const repository = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).repository.url.replace(
  /^git\+|\.git$/g,
  '',
);

// One page for each decision, in order of their numbers, under its title.
const decisions = readdirSync(join(docs, 'adr'))
  .filter((file) => /^\d{4}-/.test(file))
  .toSorted()
  .map((file) => {
    const [title = file] = readFileSync(join(docs, 'adr', file), 'utf8').split('\n');
    return { text: title.replace(/^# /, ''), link: `/adr/${file.replace(/\.md$/, '')}` };
  });

/** The page of the site that a Markdown file of the repository becomes; undefined for a file that isn't in the site. */
function pageOf(file) {
  const [, example] = /^examples\/([^/]+)\/README\.md$/.exec(file) ?? [];
  if (example !== undefined) return `/examples/${example}`;
  if (file === 'examples/README.md') return '/examples/';
  if (!file.startsWith('docs/') || !file.endsWith('.md')) return undefined;
  return `/${file.slice('docs/'.length)}`.replace(/README\.md$/, '').replace(/(^\/index)?\.md$/, '') || '/';
}

/**
 * Pages link to each other, to sources and to manifests as files of the repository. In the site, a link to a page leads to that page, and any
 * other link to the repository.
 * @param {import('vitepress').MarkdownRenderer} md
 */
function resolveLinks(md) {
  const render =
    md.renderer.rules.link_open ?? ((tokens, index, options, _env, self) => self.renderToken(tokens, index, options));
  md.renderer.rules.link_open = (tokens, index, options, env, self) => {
    const href = tokens[index].attrGet('href') ?? '';
    if (!/^[a-z]+:|^#|^\//.test(href)) {
      const source = posix.relative(join(root, 'site/pages'), env.realPath ?? env.path);
      const [path, hash = ''] = posix.join(dirname(source), href).split(/(?=#)/);
      const page = pageOf(path);
      tokens[index].attrSet('href', page === undefined ? `${repository}/blob/main/${path}${hash}` : `${page}${hash}`);
    }
    return render(tokens, index, options, env, self);
  };
}

/**
 * Output without columns wraps (theme/layout.css).
 * @param {import('vitepress').MarkdownRenderer} md
 */
function wrapOutput(md) {
  const render = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, ...others) => {
    const { info, content } = tokens[index];
    const html = render(tokens, index, ...others);
    const hasColumns = /\S {3,}\S|[─│▶]/.test(content);
    return info.trim() === 'text' && !hasColumns
      ? html.replace('class="language-text', 'class="wraps language-text')
      : html;
  };
}

/** Appends the manifests of an example to its page, so that the site shows them. */
const exampleFiles = {
  name: 'example-files',
  enforce: 'pre',
  transform(code, id) {
    if (!/\/pages\/examples\/[^/]+\/README\.md$/.test(id)) return undefined;
    const folder = dirname(id);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .toSorted();
    const blocks = files.map((name) => {
      const text = readFileSync(join(folder, name), 'utf8').trimEnd();
      return `### ${name}\n\n\`\`\`yaml\n${text}\n\`\`\``;
    });
    return `${code}\n## Files in examples/${basename(folder)}\n\n${blocks.join('\n\n')}\n`;
  },
};

export default defineConfig({
  title: 'vps247-operator',
  description: 'Manage virtual machines at the hosting provider vps247 from Kubernetes',
  // Links to docs/ and examples/, so that pages find the packages of site/.
  srcDir: 'pages',
  outDir: join(root, '.out/site'),
  cacheDir: join(root, '.out/site-cache'),
  cleanUrls: true,
  rewrites: {
    'docs/adr/README.md': 'adr/index.md',
    'docs/:rest*': ':rest*',
    'examples/README.md': 'examples/index.md',
    'examples/:name/README.md': 'examples/:name.md',
  },
  markdown: {
    config: (md) => {
      resolveLinks(md);
      wrapOutput(md);
    },
  },
  vite: { plugins: [exampleFiles], resolve: { preserveSymlinks: true } },
  themeConfig: {
    nav: [
      { text: 'Install', link: '/installation' },
      { text: 'Tasks', link: '/tasks' },
      { text: 'Troubleshooting', link: '/conditions' },
      { text: 'API', link: '/api' },
    ],
    sidebar: [...navigation, { text: 'Decisions', collapsed: true, items: decisions }],
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
  },
});
