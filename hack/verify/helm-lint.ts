/**
 * A step of `npm run verify`: runs helm lint with every values file, and checks that a packaged chart renders like the
 * folder.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { chartFolder, helm, packageChart, renderChart } from '../../test/support/helm.ts';
import { demand, valuesFiles } from './chart-values.ts';

const files = valuesFiles();
for (const file of files) {
  const { code, stdout, stderr } = await helm(['lint', '--strict', chartFolder, '--values', file.path]);
  demand(code === 0, `${file.name}:\n${stdout}${stderr}`);
}
console.log(`✓ helm lint --strict: ${files.length} values files`);

const folder = path.join(import.meta.dirname, '../../.out/verify/package');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await packageChart(folder, 0);
const [archive = ''] = readdirSync(folder);
for (const { name, path: file, values } of files) {
  const place = ['--namespace', 'vps247-system', '--values', file];
  const { stdout, stderr } = await helm(['template', 'vps247-operator', path.join(folder, archive), ...place]);
  const { text } = await renderChart(values);
  demand(stdout === text && text !== '', `${name}: the packaged chart renders differently from its folder\n${stderr}`);
}
console.log(`✓ ${archive} renders like its folder`);
