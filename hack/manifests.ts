/**
 * The second half of `npm run generate`: what helm makes of the chart, apart from the rest because helm must be built for it. `npm test`
 * fails when it is not up to date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderManifests } from './generate/manifests.ts';

const root = join(import.meta.dirname, '..');
const pages = await renderManifests();
const stale = pages.filter(({ path, text }) => {
  try {
    return readFileSync(join(root, path), 'utf8') !== text;
  } catch {
    // A file that cannot be read is one to be written.
    return true;
  }
});
for (const { path, text } of stale) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
if (stale.length === 0) console.log(`${pages.length} files made of the chart are up to date`);
else console.log(`Wrote ${stale.map(({ path }) => path).join(', ')}`);
