import { type Setting, settingsTable } from '../../../src/config/settings.ts';
import { packageInfo } from '../package.ts';
import { generatedFrom } from '../table.ts';
import { configNames } from './schema.ts';
import { readValues } from './values.ts';

/** deploy/chart/README.md: every value with its default, and every setting under `config`. */
export function renderChartReadme(): string {
  const values = readValues();
  const sections = [...new Set(values.map(({ section }) => section))];
  const lists = sections.map((section) => {
    const entries = values
      .filter((value) => value.section === section)
      .map(({ keys, defaultValue, description }) =>
        entryOf(keys.join('.'), `default \`${JSON.stringify(defaultValue)}\``, description),
      );
    return `${section === '' ? '' : `### ${section}\n\n`}${entries.join('\n')}`;
  });
  const settings = configNames.map((name) => {
    const { kind, defaultValue, description }: Setting<unknown> = settingsTable[name];
    const rule = defaultValue === '' ? kind.rule : `${kind.rule}, default \`${defaultValue}\``;
    return entryOf(`config.${name}`, rule, description);
  });
  const { description, version } = packageInfo();
  return `# vps247-operator

${generatedFrom('values.yaml, src/config/settings.ts')}

${description}.

## Install

The chart requires Kubernetes 1.31 or newer and Helm 3.18 or newer. In a checkout of the project, run:

\`\`\`sh
helm install vps247-operator deploy/chart --namespace vps247-system --create-namespace
\`\`\`

The output shows the next steps. Helm refuses a value that is misspelled, of the wrong type, or in conflict with
another one, and names it.

To manage a few namespaces only, with a Role in each and without a ClusterRole:

\`\`\`sh
helm install vps247-operator deploy/chart --namespace vps247-system --create-namespace \\
  --set scope=Namespaced --set 'watchNamespaces={team-a,team-b}'
\`\`\`

The CRD and the policies that protect it are cluster-scoped. If you can't install them, ask a cluster administrator to
apply \`deploy/manifests/crds.yaml\`, then set \`crds.enabled=false\`.

## Upgrade and roll back

\`helm upgrade\` and \`helm rollback\` replace one replica after the other. Each replica finishes its calls first, and no
VM is changed. The CRD is updated with the release.

## Uninstall

\`helm uninstall\` removes the operator and its permissions. **The CRD, the VirtualMachines, and their VMs remain**, and
the VMs incur charges. To delete the VMs, delete the VirtualMachines first.

If you install the chart again, the operator continues to manage the VirtualMachines. A release of the same name and
namespace owns the CRD again. Any other release needs \`crds.enabled=false\` or \`--take-ownership\`.

## Values

${lists.join('\n\n')}

### Operator settings

Settings under \`config\` of version ${version}. A setting that you omit has the default shown here.

${settings.join('\n')}
`;
}

function entryOf(name: string, rule: string, description: string): string {
  return `- \`${name}\` (${rule}): ${description}`;
}
