import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { navigation } from '../navigation.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const docs = join(root, 'docs');
/** Where the sources are, as package.json says. */
const repository = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).repository.url.replace(
  /^git\+|\.git$/g,
  '',
);

// One page a decision, in order of their numbers, under its title.
const decisions = readdirSync(join(docs, 'adr'))
  .filter((file) => /^\d{4}-/.test(file))
  .toSorted()
  .map((file) => {
    const [title = file] = readFileSync(join(docs, 'adr', file), 'utf8').split('\n');
    return { text: title.replace(/^# /, ''), link: `/adr/${file.replace(/\.md$/, '')}` };
  });

/**
 * Pages link to sources and examples as files of the repository, which is right there; the site has only docs/, so these links lead to the repository.
 * @param {import('vitepress').MarkdownRenderer} md
 */
function linkOutside(md) {
  const render =
    md.renderer.rules.link_open ?? ((tokens, index, options, _env, self) => self.renderToken(tokens, index, options));
  md.renderer.rules.link_open = (tokens, index, options, env, self) => {
    const href = tokens[index].attrGet('href') ?? '';
    if (!/^[a-z]+:|^#|^\//.test(href)) {
      const target = posix.join(dirname(env.relativePath), href);
      if (target.startsWith('../')) tokens[index].attrSet('href', `${repository}/blob/main/${target.slice(3)}`);
      // The repository's page of a folder is the site's.
      else if (target.endsWith('README.md')) tokens[index].attrSet('href', href.replace(/README\.md$/, 'index.md'));
    }
    return render(tokens, index, options, env, self);
  };
}

export default defineConfig({
  title: 'vps247-operator',
  description: 'Manage virtual machines at the hosting provider vps247 from Kubernetes',
  // A link to docs/, so that pages find the packages of site/.
  srcDir: 'pages',
  outDir: join(root, '.out/site'),
  cacheDir: join(root, '.out/site-cache'),
  cleanUrls: true,
  rewrites: { 'adr/README.md': 'adr/index.md' },
  markdown: { config: linkOutside },
  vite: { resolve: { preserveSymlinks: true } },
  themeConfig: {
    nav: [
      { text: 'Install', link: '/installation' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
      { text: 'API', link: '/api' },
    ],
    sidebar: [...navigation, { text: 'Each decision', collapsed: true, items: decisions }],
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
  },
});
