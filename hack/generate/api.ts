import { annotationTable } from '../../src/api/v1alpha1/annotations.ts';
import { annotations, apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import { customResourceDefinition, printerColumns, virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import type { Schema } from '../../src/api/v1alpha1/schema/openapi.ts';
import { generatedFrom } from './table.ts';

/** docs/api.md: every field of the custom resource with its default, its rules and its description. */
export function renderApi(): string {
  const { spec, status } = virtualMachineSchema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error('the schema has lost its spec or status');
  const columns = printerColumns.map(({ name, description, priority }) => {
    const column = `**${name.toUpperCase()}**${priority === undefined ? '' : ' (with `-o wide`)'}`;
    return [column, description] as const;
  });
  const selectable = customResourceDefinition.spec.versions.flatMap(({ selectableFields }) =>
    selectableFields.map(({ jsonPath }) => jsonPath.slice(1)),
  );
  return `# The custom resource

${generatedFrom('src/api/v1alpha1/schema')}

\`${kind}\` of \`${apiVersion}\`, short name \`vps\`. ${virtualMachineSchema.description ?? ''}
\`kubectl explain vps.spec\` shows the same in a terminal.

## spec

${renderFields('spec', spec)}

## status

${status.description ?? ''}

${renderFields('status', status)}

## Annotations

${listOf(annotationEntries)}

The operator ignores an annotation that takes "true" and has another value, and emits an event.

## Restart a VM

\`kubectl rollout restart\` works with Kubernetes' own workloads only. To restart a running VM, set \`spec.restartRequest\` to a new text:

<!-- test: restart -->
\`\`\`sh
kubectl patch vps NAME --type merge --patch '{"spec":{"restartRequest":"'"$(date -u +%FT%TZ)"'"}}'
\`\`\`

The operator restarts the VM once for each new text, and then shows the text in \`status.lastRestartRequest\`.

## Change a spec

You can fix any mistake in a spec until its VM exists. Afterwards the API server refuses what can't be done to a VM:

${listOf(changes)}

The VM exists while \`status.state\` shows its state. Where \`status\` doesn't show a field, every value is accepted:
the provider doesn't report it, or the operator didn't create the VM. The provider can't change these fields of
a VM. A correction only aligns the spec with the VM: the operator sends no request for it. For another VM, create a
new object and delete this one.

A change while the create request is in flight is accepted too, and may come too late for the VM. The condition
[\`AsSpecified\`](conditions.md) compares the VM with the spec. If they differ, its message has the command that
corrects the spec. A VM that differs from its spec isn't recreated after it was deleted outside the operator, until
you correct the spec. If it didn't differ, you can change the spec after the deletion, and the new VM gets that spec.

## Adopt a VM

An object that adopts a VM only needs \`adoption\`. It names the VM by its id, or by its exact name at the
provider, which may be any text:

\`\`\`yaml
apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: legacy-web
spec:
  adoption:
    policy: MustExist
    name: Web 1
\`\`\`

\`region\`, \`package\` and \`osTemplate\` are optional here, and with \`managementPolicy: Observe\`. Where the spec has
them, they are compared with the VM. \`powerState\` is \`Running\` by default: for a VM that is to stay halted, set
\`powerState: Halted\` or begin with \`managementPolicy: Observe\`. [The example](../examples/adoption/README.md) adopts VMs in two steps.

## Combinations that look contradictory

${listOf(combinations)}

## Columns of kubectl get

All columns but NAME and DESIRED show what the operator observed. A column is empty until the provider reports its value.

${listOf([['**NAME**', 'Name of the object'], ...columns])}

## Select objects by field

\`kubectl get vps --field-selector FIELD=VALUE\` takes these fields besides \`metadata.name\` and \`metadata.namespace\`:

${selectable.map((field) => `- \`${field}\``).join('\n')}

For example, the VMs that are halted, in all namespaces:

\`\`\`sh
kubectl get vps --all-namespaces --field-selector status.state=Halted
\`\`\`
`;
}

// `as`: `Object.entries` loses the type of the keys.
const annotationEntries = (Object.keys(annotationTable) as (keyof typeof annotationTable)[]).map((name) => {
  const { by, value, meaning } = annotationTable[name];
  return [`\`${annotations[name]}\` (${value}; written by ${by})`, meaning] as const;
});

const changes: readonly Entry[] = [
  [
    '`region`, `package`, `osTemplate`',
    'only to what the same field of `status` shows, by id or name. You can also remove the field where it is optional',
  ],
  ['`ipv6`, `privateNetworking`, `sshKeyIds`', 'only to what the same field of `status` shows'],
  ['`providerName`', 'never, not even before the VM exists'],
  ['`credentialsSecretRef`', 'to a key of the same account'],
  ['every other field', 'at any time'],
];

const combinations: readonly Entry[] = [
  ['both `id` and `name` of a region, package or template', 'refused'],
  [
    'no `region`, `package` or `osTemplate`',
    'refused, unless `adoption.policy` is `MustExist` or `managementPolicy` is `Observe`',
  ],
  ['both `adoption.id` and `adoption.name`', 'refused'],
  [
    '`adoption.id` or `adoption.name` with a policy other than `MustExist`',
    'refused, because a created VM has neither. With `IfExists`, `providerName` names the VM',
  ],
  ['`initialPasswordSecret.name` with `initialPasswordSecret.policy: None`', 'refused'],
  ['`powerState: Halted` with a `restartRequest`', 'no restart. The request counts as handled once the VM is halted'],
  ['a `restartRequest` that exists when the VM is created', 'no restart, because a new VM boots anyway'],
  [
    '`adoption.id` or `adoption.name` with a `providerName`',
    'the VM must have both; another name is `AdoptionMismatch`',
  ],
  [
    '`adoption.policy: MustExist` without `id`, `name` and `providerName`',
    'a restored object adopts the VM that it was recorded with; any other object finds nothing (`AdoptionTargetNotFound`)',
  ],
  [
    '`deletionPolicy: Retain` with `deletionProtection: true`',
    'the deletion is refused. Where no admission policy does that, the object is deleted and its VM stays',
  ],
  ['`managementPolicy: Observe`, and the object is deleted', 'the VM stays'],
  [
    '`managementPolicy: Plan`, and the object is deleted',
    'both stay, and `status.plannedActions` shows how the VM would be deleted',
  ],
];

/** A term and its description. */
type Entry = readonly [term: string, description: string];

export function listOf(entries: readonly Entry[]): string {
  // Asterisks of a cron expression would be read as emphasis.
  return entries.map(([term, text]) => `- ${term}: ${text.replaceAll('*', String.raw`\*`)}`).join('\n');
}

/** A heading for each field, and a list of the fields in it. */
export function renderFields(name: string, schema: Schema): string {
  return Object.entries(schema.properties ?? {})
    .map(([field, fieldSchema]) => {
      const heading = `### ${name}.${field}\n\n_${propertiesOf(field, fieldSchema, schema)}_`;
      const nested = nestedFields(fieldSchema, '');
      return [heading, fieldSchema.description ?? '', listOf(nested)].filter((part) => part !== '').join('\n\n');
    })
    .join('\n\n');
}

function nestedFields(field: Schema, path: string): readonly Entry[] {
  const parent = field.items ?? field;
  return Object.entries(parent.properties ?? {}).flatMap(([name, nested]) => {
    const entry: Entry = [`\`${path}${name}\` (${propertiesOf(name, nested, parent)})`, nested.description ?? ''];
    return [entry].concat(nestedFields(nested, `${path}${name}${nested.items === undefined ? '' : '[]'}.`));
  });
}

/** Type, default and rules of a field. */
function propertiesOf(name: string, field: Schema, parent: Schema): string {
  const value = field.default;
  return [
    field.items === undefined ? typeOf(field) : `list of ${typeOf(field.items)}`,
    ...(parent.required?.includes(name) === true ? ['required'] : []),
    ...(value === undefined ? [] : [`default \`${JSON.stringify(value).replaceAll('"', '')}\``]),
    ...rulesOf(field),
  ].join('; ');
}

function typeOf({ type, format }: Schema): string {
  return format === 'date-time' ? 'time' : type;
}

function rulesOf(schema: Schema): string[] {
  const rules: string[] = [];
  if (schema.enum !== undefined) rules.push(`one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`);
  if (schema.minimum !== undefined) rules.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER) rules.push(`at most ${schema.maximum}`);
  if (schema.maxLength !== undefined) rules.push(`at most ${schema.maxLength} characters`);
  if (schema.pattern !== undefined) rules.push(`matches \`${schema.pattern}\``);
  if (schema.maxItems !== undefined) rules.push(`at most ${schema.maxItems} items`);
  if (schema['x-kubernetes-list-type'] === 'set') rules.push('no item twice');
  return rules;
}
