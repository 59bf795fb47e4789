import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { group, kind, plural, version } from '../../../src/api/v1alpha1/constants.ts';
import { customResourceDefinition } from '../../../src/api/v1alpha1/schema.ts';
import { imageName, packageInfo, repositoryUrl } from '../package.ts';

const root = path.join(import.meta.dirname, '../../..');

/** The minimal sample that all pages show first. */
export function sample(): string {
  return readFileSync(path.join(root, 'deploy/samples/web.yaml'), 'utf8');
}

/** deploy/chart/Chart.yaml, with what Artifact Hub shows. */
export function renderChart(): string {
  const { name, version: release, description, license } = packageInfo();
  const image = `${imageName()}:${release}`;
  const home = repositoryUrl();
  const [{ schema }] = customResourceDefinition.spec.versions;
  const annotations = {
    'artifacthub.io/category': 'integration-delivery',
    'artifacthub.io/license': license,
    'artifacthub.io/operator': 'true',
    'artifacthub.io/operatorCapabilities': 'Deep Insights',
    'artifacthub.io/prerelease': String(release.startsWith('0.')),
    'artifacthub.io/images': yaml([{ name, image, platforms: ['linux/amd64', 'linux/arm64'] }]),
    'artifacthub.io/crds': yaml([
      {
        kind,
        version,
        name: `${plural}.${group}`,
        displayName: 'Virtual machine',
        description: schema.openAPIV3Schema.description,
      },
    ]),
    'artifacthub.io/crdsExamples': yaml([parseDocument(sample()).toJS()]),
  };
  const chart = {
    apiVersion: 'v2',
    name,
    description,
    type: 'application',
    version: release,
    appVersion: release,
    kubeVersion: '>=1.31.0-0',
    home,
    sources: [home],
    keywords: ['operator', 'virtual-machine', 'vps', 'vps247', 'infrastructure'],
    annotations,
  };
  return `# Generated from package.json, src/api and deploy/samples by \`npm run generate\`; do not edit.\n${yaml(chart)}`;
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
