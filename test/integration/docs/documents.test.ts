import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { renderChart } from '../../support/helm.ts';
import { fences } from '../../support/documented.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import { filesBelow, pages, projectRoot } from '../../support/pages.ts';
import { type Manifest, parseManifests } from '../../packaging/manifests.ts';
import { resourceIn } from '../resource.ts';
import { ThirdParty } from './third-party.ts';

const namespace = 'documented';
const vps = resourceIn(namespace);

/** The objects of a YAML text, one judged after the other; those of other projects are judged by what we know of them. */
interface Document {
  readonly where: string;
  readonly objects: readonly Manifest[];
}

const isObject = ({ apiVersion, kind }: Manifest): boolean => apiVersion !== undefined && kind !== undefined;

const inPages: readonly Document[] = pages.flatMap((page) =>
  fences(page)
    .filter(({ language }) => language === 'yaml')
    .map(({ line, text }) => ({ where: `${page}:${line}`, objects: parseManifests(text, page).filter(isObject) })),
);
const files: readonly Document[] = filesBelow('examples', '.yaml').map((file) => ({
  where: file,
  objects: parseManifests(readFileSync(join(projectRoot, file), 'utf8'), file),
}));

beforeAll(async () => {
  await vps.install();
  const named = new Set(files.flatMap(({ objects }) => objects.map(({ metadata }) => metadata?.namespace)));
  for (const name of named) if (name !== undefined) await kubectl(['create', 'namespace', name]);
}, 60_000);

/** What the API server says of an object without keeping it; unknown fields are refused. */
async function judge(manifest: Manifest): Promise<string> {
  const { file: _, ...object } = manifest;
  const place = object.metadata.namespace === undefined ? ['--namespace', namespace] : [];
  const { code, stderr } = await kubectl(['create', '--dry-run=server', '--validate=strict', ...place, '-f', '-'], {
    input: JSON.stringify(object),
  });
  return code === 0 || stderr.includes('AlreadyExists') ? '' : stderr;
}

describe.each([...inPages.filter(({ objects }) => objects.length > 0), ...files])('$where', ({ where, objects }) => {
  test('the API server accepts each object', async () => {
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      const thirdParty = ThirdParty.judge(object);
      expect(thirdParty ?? (await judge(object)), `${where}: ${object.kind}`).toBe('');
    }
  });
});

const values = pages.flatMap((page) =>
  fences(page)
    .filter(({ language, text }) => language === 'yaml' && text.includes('values.yaml'))
    .map(({ line, text }) => ({ where: `${page}:${line}`, text })),
);

test.each(values)('the chart accepts the values in $where', async ({ text }) => {
  const [parsed] = parseManifests(text, 'values.yaml');
  if (parsed === undefined) throw new Error('the block has no values');
  const { file: _, ...own } = parsed;
  expect((await renderChart(own)).complaint).toBe('');
});

/** `npm run verify -- prometheus` runs Prometheus with them. */
const configurations = new Set(
  pages.flatMap((page) =>
    fences(page)
      .filter(({ language, text }) => language === 'yaml' && text.startsWith('# prometheus.yaml'))
      .map(({ line }) => `${page}:${line}`),
  ),
);

test('every block of YAML is checked', () => {
  const none = inPages
    .filter(({ where, objects }) => objects.length === 0 && !configurations.has(where))
    .map(({ where }) => where);
  expect(none).toEqual(values.map(({ where }) => where));
});

test('an unknown field, a wrong value and a missing path are found', async () => {
  const machine = parseManifests(
    readFileSync(join(projectRoot, 'examples/first-machine/web.yaml'), 'utf8'),
    'web.yaml',
  )[0];
  if (machine === undefined) throw new Error('the path has no machine');
  expect(await judge({ ...machine, spec: { ...machine['spec'], powerStat: 'Halted' } })).toContain('unknown field');
  expect(await judge({ ...machine, spec: { ...machine['spec'], powerState: 'Off' } })).toContain('Unsupported value');
  const [app] = parseManifests(
    readFileSync(join(projectRoot, 'examples/gitops/argo-cd/application.yaml'), 'utf8').replace(
      'gitops/machines',
      'none',
    ),
    'app.yaml',
  );
  if (app === undefined) throw new Error('the path has no application');
  expect(ThirdParty.judge(app)).toContain('examples/none');
});
