import { annotations, annotationTable, apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import { customResourceDefinition, printerColumns, virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import type { Schema } from '../../src/api/v1alpha1/schema/openapi.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/api.md: every field of the custom resource with its default, its rules and its description. */
export function renderApi(): string {
  const { spec, status } = virtualMachineSchema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error('the schema has lost its spec or status');
  const columns = printerColumns.map(({ name, description, priority }) => [
    name.toUpperCase(),
    description,
    priority === undefined ? '' : 'with `-o wide`',
  ]);
  const selectable = customResourceDefinition.spec.versions.flatMap(({ selectableFields }) =>
    selectableFields.map(({ jsonPath }) => jsonPath.slice(1)),
  );
  return `# The custom resource

${generatedFrom('src/api/v1alpha1/schema')}

\`${kind}\` of \`${apiVersion}\`, short name \`vps\`. ${virtualMachineSchema.description ?? ''}
\`kubectl explain vps.spec\` shows the same in a terminal.

## spec

${renderFields(spec)}

## status

${status.description ?? ''}

${renderFields(status)}

## Annotations

${markdownTable(['annotation', 'value', 'written by', 'meaning'], annotationRows)}

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

${markdownTable(['field', 'until the VM exists', 'afterwards'], changes)}

The VM exists while \`status.state\` shows its state. Where \`status\` doesn't show a field, every value is accepted:
the provider doesn't report it, or the operator didn't create the VM. The provider can change none of these fields of
a VM. A correction makes the spec say what the VM has: the operator sends no request for it. For another VM, create a
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

${markdownTable(['given', 'what happens'], combinations)}

## Columns of kubectl get

All columns but NAME and DESIRED show what the operator observed. A column is empty until the provider reports its value.

${markdownTable(['column', 'meaning', 'shown'], [['NAME', 'Name of the object', ''], ...columns])}

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
const annotationRows = (Object.keys(annotationTable) as (keyof typeof annotationTable)[]).map((name) => {
  const { by, value, meaning } = annotationTable[name];
  return [`\`${annotations[name]}\``, value, by, meaning];
});

const changes = [
  [
    '`region`, `package`, `osTemplate`',
    'yes',
    'only to what the same field of `status` shows, by id or name; you can also remove it where it is optional',
  ],
  ['`ipv6`, `privateNetworking`, `sshKeyIds`', 'yes', 'only to what the same field of `status` shows'],
  ['`providerName`', 'no', 'no'],
  ['`credentialsSecretRef`', 'yes', 'yes, to a key of the same account'],
  ['every other field', 'yes', 'yes'],
];

const combinations = [
  ['both `id` and `name` of a region, package or template', 'refused'],
  [
    'no `region`, `package` or `osTemplate`',
    'refused, unless `adoption.policy` is `MustExist` or `managementPolicy` is `Observe`',
  ],
  ['both `adoption.id` and `adoption.name`', 'refused'],
  [
    '`adoption.id` or `adoption.name` with a policy other than `MustExist`',
    'refused: a VM that is created has neither. With `IfExists`, `providerName` says which VM',
  ],
  ['`initialPasswordSecret.name` with `initialPasswordSecret.policy: None`', 'refused'],
  ['`powerState: Halted` with a `restartRequest`', 'no restart: the request counts as handled once the VM is halted'],
  ['a `restartRequest` that is there when the VM is created', 'no restart: a new VM has just booted'],
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

function renderFields(schema: Schema): string {
  return markdownTable(['field', 'type', 'default', 'rules', 'meaning'], rowsOf(schema, ''));
}

function rowsOf(schema: Schema, path: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    const isList = field.items !== undefined;
    const row = [
      `\`${path}${name}\``,
      isList ? `list of ${typeOf(field.items)}` : typeOf(field),
      field.default === undefined ? '' : `\`${JSON.stringify(field.default).replaceAll('"', '')}\``,
      [...(isRequired ? ['required'] : []), ...rulesOf(field)].join('; '),
      field.description ?? '',
    ];
    return [row].concat(rowsOf(field.items ?? field, `${path}${name}${isList ? '[]' : ''}.`));
  });
}

function typeOf({ type, format }: Schema): string {
  return format === 'date-time' ? 'time' : type;
}

function rulesOf(schema: Schema): string[] {
  const rules: string[] = [];
  if (schema.enum !== undefined) rules.push(`one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`);
  if (schema.minimum !== undefined) rules.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined) rules.push(`at most ${schema.maximum}`);
  if (schema.maxLength !== undefined) rules.push(`at most ${schema.maxLength} characters`);
  if (schema.pattern !== undefined) rules.push(`matches \`${schema.pattern}\``);
  if (schema.maxItems !== undefined) rules.push(`at most ${schema.maxItems} items`);
  if (schema['x-kubernetes-list-type'] === 'set') rules.push('no item twice');
  return rules;
}
