import { type Setting, settingsTable } from '../../../src/config/settings.ts';
import { packageInfo } from '../package.ts';
import { generatedFrom, markdownTable } from '../table.ts';
import { configNames } from './schema.ts';
import { readValues } from './values.ts';

/** deploy/chart/README.md: every value with its default, and every setting under `config`. */
export function renderChartReadme(): string {
  const values = readValues();
  const sections = [...new Set(values.map(({ section }) => section))];
  const tables = sections.map((section) => {
    const rows = values
      .filter((value) => value.section === section)
      .map(({ keys, byDefault, description }) => [
        `\`${keys.join('.')}\``,
        `\`${JSON.stringify(byDefault)}\``,
        description,
      ]);
    return `${section === '' ? '' : `### ${section}\n\n`}${markdownTable(['value', 'default', 'meaning'], rows)}`;
  });
  const settings = configNames.map((name) => {
    const { kind, byDefault, sentence }: Setting<unknown> = settingsTable[name];
    return [`\`config.${name}\``, byDefault === '' ? '' : `\`${byDefault}\``, kind.rule, sentence];
  });
  const { description, version } = packageInfo();
  return `# vps247-operator

${generatedFrom('values.yaml, src/config/settings.ts')}

${description}.

## Install

Kubernetes 1.31 or newer, Helm 3.18 or newer, in a checkout of the project:

\`\`\`sh
helm install vps247-operator deploy/chart --namespace vps247-system --create-namespace
\`\`\`

It tells what to do next. A value that is misspelt, of the wrong type or at odds with another one is refused with a sentence that names it.

In a few namespaces instead of the whole cluster, with a Role in each and without any ClusterRole:

\`\`\`sh
helm install vps247-operator deploy/chart --namespace vps247-system --create-namespace \\
  --set scope=Namespaced --set 'watchNamespaces={team-a,team-b}'
\`\`\`

The CustomResourceDefinition and the policies that protect it are the whole cluster's all the same. Whoever may not apply them sets \`crds.enabled=false\`, and has
a cluster administrator apply \`deploy/manifests/crds.yaml\`.

## Upgrade, roll back, uninstall

\`helm upgrade\` and \`helm rollback\` replace one operator after the other; each ends its calls first, and no machine is touched. The CustomResourceDefinition
goes with them. \`helm uninstall\` stops the operator and removes its rights. **The CustomResourceDefinition, the VirtualMachines and
their machines stay**, and go on costing: delete the VirtualMachines before, if their machines shall go. Installed again, the operator goes on where it ended. The CustomResourceDefinition
is taken over by a release of the same name and namespace; another one needs \`crds.enabled=false\`, or \`--take-ownership\`.

## Values

${tables.join('\n\n')}

### Settings of the operator

Under \`config\`, for version ${version}. What is not given has the default here.

${markdownTable(['value', 'default', 'must be', 'meaning'], settings)}
`;
}
