import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isSeq, parseAllDocuments, type YAMLMap } from 'yaml';
import { generatedFrom, wrapped } from './table.ts';

const manifest = 'deploy/manifests/install.yaml';

/** The roles of the installation, in the order of the page, and what the page says about each before its rules. */
const roles: Readonly<Record<string, string>> = {
  'vps247-operator': `In an installation for the whole cluster, a ClusterRole. With \`watchNamespaces\`, the same rules as a
Role in each of these namespaces, and no ClusterRole.`,
  'vps247-operator-lease': 'A Role in the namespace of the Lease, which is the namespace of the operator.',
  'vps247-operator-view': 'A ClusterRole for users, aggregated to `view`.',
  'vps247-operator-edit': 'A ClusterRole for users, aggregated to `edit`.',
  'vps247-operator-admin': 'A ClusterRole for users, aggregated to `admin`.',
};

/** docs/rbac.md: every rule of the installed roles, with the comment above it as its reason. */
export function renderRbac(): string {
  const text = readFileSync(join(import.meta.dirname, '../..', manifest), 'utf8');
  const sections = new Map(
    parseAllDocuments(text).flatMap(({ contents }) =>
      isMap(contents) && ['Role', 'ClusterRole'].includes(String(contents.get('kind')))
        ? [[String(contents.getIn(['metadata', 'name'])), rulesOf(contents)] as const]
        : [],
    ),
  );
  const missing = [...sections.keys()].filter((name) => roles[name] === undefined);
  if (missing.length > 0) throw new Error(`docs/rbac.md doesn't describe the role ${missing.join(', ')}`);
  const section = (name: string): string => `### ${name}\n\n${roles[name]}\n\n${(sections.get(name) ?? []).join('\n')}`;
  return `# RBAC permissions

${generatedFrom(manifest)}

The chart grants each verb by name, and no wildcard. The tests run the operator with exactly these
roles: a rule that no test uses fails them, and so does a missing rule
([ADR 0040](adr/0040-compare-granted-permissions-with-those-used.md)).

## Permissions of the operator

${section('vps247-operator')}

${section('vps247-operator-lease')}

### vps247-operator-default-credentials

Exists only if \`config.defaultCredentialsSecret\` is in a namespace that \`watchNamespaces\` doesn't
list. A Role in that namespace, for this one Secret.

- \`secrets\` (API group core): \`get\`. Reads the operator's default API key.

## Permissions of users

The chart adds VirtualMachines to the roles \`view\`, \`edit\` and \`admin\` of Kubernetes. Users with one
of these roles need no other. With \`watchNamespaces\` or \`rbac.aggregateRoles: false\`, the chart doesn't install
these roles. Bind your own Roles instead. [A namespace for a team](../examples/team/README.md) has
an example.

None of these roles grants access to Secrets, which hold API keys and initial passwords. Kubernetes'
own \`edit\` and \`admin\` do, \`view\` doesn't.

${['view', 'edit', 'admin'].map((name) => section(`vps247-operator-${name}`)).join('\n\n')}

## Use your own roles

With \`rbac.create: false\`, the chart installs no role and no binding. Bind the rules on this page to
the service account \`serviceAccount.name\`. If a permission is missing, \`/readyz\` and the log name it
([exit codes and readiness](configuration.md#exit-codes)).
`;
}

function rulesOf(role: YAMLMap): readonly string[] {
  const rules = role.get('rules');
  if (!isSeq(rules)) throw new Error(`${String(role.getIn(['metadata', 'name']))} has no rules`);
  return rules.items.map((rule, index) => {
    if (!isMap(rule)) throw new Error("a rule isn't a map");
    // The parser gives the comment above the first item of a list to the list.
    const comment = rule.commentBefore ?? (index === 0 ? rules.commentBefore : undefined);
    if (!comment) throw new Error(`a rule for ${String(rule.get('resources'))} has no comment with its reason`);
    const reason = comment.replaceAll(/\s*\n\s*/g, ' ').trim();
    const group = list(rule, 'apiGroups').replace('``', 'core');
    return wrapped(`- ${list(rule, 'resources')} (API group ${group}): ${list(rule, 'verbs')}. ${reason}`, 100, '  ');
  });
}

function list(rule: YAMLMap, key: string): string {
  const values = rule.get(key);
  if (!isSeq(values)) throw new Error(`a rule has no ${key}`);
  return values.items.map((item) => `\`${String(item)}\``).join(', ');
}
