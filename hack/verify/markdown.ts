/** A step of `npm run verify`: checks every page with markdownlint, and all links between files of the repository. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { brokenLinks } from './links.ts';
import { installSitePackage, root, run } from './site-package.ts';

installSitePackage();
const files = run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], root).trim().split('\n');
run('markdownlint-cli2', ['--config', 'site/.markdownlint-cli2.jsonc', ...files.map((file) => `:${file}`)], root);
console.log(`✓ markdownlint: ${files.length} files`);

const broken = files.flatMap((file) => brokenLinks(root, file, readFileSync(path.join(root, file), 'utf8')));
if (broken.length > 0) {
  console.error(broken.join('\n'));
  process.exit(1);
}
console.log('✓ every link and anchor between files resolves');
