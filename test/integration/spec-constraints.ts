import type { Schema } from '../../src/api/v1alpha1/schema/openapi.ts';
import { selectors } from './resource.ts';

const keywords = ['enum', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems'] as const;

/** Every constraint of a schema, named by path and keyword; a CEL rule by its own text. Ids of fields are one constraint each. */
export function constraintsOf(schema: Schema, path: string): readonly string[] {
  const isSet = schema['x-kubernetes-list-type'] === 'set';
  return [
    ...keywords.filter((keyword) => schema[keyword] !== undefined).map((keyword) => `${path} ${keyword}`),
    ...(schema.required ?? []).map((field) => `${path}.${field} required`),
    ...(isSet ? [`${path} set`] : []),
    ...(schema['x-kubernetes-validations'] ?? []).map(({ rule }) => `${path} ${rule}`),
    ...(schema.items === undefined ? [] : constraintsOf(schema.items, `${path}[]`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => constraintsOf(field, `${path}.${name}`)),
  ];
}

interface Refusal {
  readonly what: string;
  readonly spec: object;
  /** What the API server answers, without the words that differ between its versions. */
  readonly complaint: readonly string[];
  /** The constraint that refuses it; undefined: the schema as a whole, such as a type or an unknown field. */
  readonly shows?: string;
}

/** How the API server refuses a value by a rule. Between the two parts, 1.31 names the type of the value. */
export function refusedBy(path: string, words: string): readonly string[] {
  return [`${path}: Invalid value: `, words];
}

function refusal(
  shows: string | undefined,
  what: string,
  spec: object,
  complaint: string | readonly string[],
): Refusal {
  return {
    what,
    spec: { ...selectors, ...spec },
    complaint: [complaint].flat(),
    ...(shows === undefined ? {} : { shows }),
  };
}

/** The two ends of what an id can be. */
function ids(path: string, specWith: (id: number) => object): readonly Refusal[] {
  const least = `${path.replace('[]', '[0]')} in body should be greater than or equal to 1`;
  const most = `${path.replace('[]', '[0]')} in body should be less than or equal to 9007199254740991`;
  return [
    refusal(`${path} minimum`, `${path} is 0`, specWith(0), least),
    refusal(`${path} maximum`, `${path} is more than JSON can hold`, specWith(2 ** 53), most),
  ];
}

function choice(path: string, what: string, spec: object, options: string): Refusal {
  return refusal(`${path} enum`, what, spec, `${path}: Unsupported value: "Other": supported values: ${options}`);
}

function lengths(path: string, most: number, specWith: (text: string) => object): readonly Refusal[] {
  const least = `${path} in body should be at least 1 chars long`;
  return [
    refusal(`${path} minLength`, `${path} is empty`, specWith(''), least),
    refusal(
      `${path} maxLength`,
      `${path} is too long`,
      specWith('a'.repeat(most + 1)),
      // Between the two parts is "longer" in 1.31, and "more" in later versions.
      [`${path}: Too long: may not be `, ` than ${most}`],
    ),
  ];
}

const requiredRule =
  "spec has(self.region) && has(self.__package__) && has(self.osTemplate) || self.adoption.policy == 'MustExist' || self.managementPolicy == 'Observe'";
const requiredWords =
  'region, package and osTemplate are required, unless adoption.policy is MustExist or managementPolicy is Observe';

function selector(field: 'region' | 'package' | 'osTemplate'): readonly Refusal[] {
  const path = `spec.${field}`;
  const rule = `${path} has(self.id) != has(self.name)`;
  const complaint = refusedBy(path, `${field} needs exactly one of id or name`);
  return [
    refusal(requiredRule, `no ${field}`, { [field]: undefined }, refusedBy('spec', requiredWords)),
    refusal(rule, `neither id nor name of the ${field}`, { [field]: {} }, complaint),
    refusal(rule, `both id and name of the ${field}`, { [field]: { id: 1, name: 'S' } }, complaint),
    ...ids(`${path}.id`, (id) => ({ [field]: { id } })),
    ...lengths(`${path}.name`, 255, (name) => ({ [field]: { name } })),
  ];
}

/** The last values that are allowed and the first that are not, where two programs may count or match differently. */
export const borders: readonly { readonly what: string; readonly spec: object }[] = [
  ...(
    [
      ['spec.region.name', 255, (name) => ({ region: { name } })],
      ['spec.adoption.name', 255, (name) => ({ adoption: { policy: 'MustExist', name } })],
      ['spec.restartRequest', 256, (restartRequest) => ({ restartRequest })],
    ] as readonly (readonly [string, number, (text: string) => object])[]
  ).flatMap(([path, most, specWith]) =>
    ['a', 'é', '東', '😀', 'e\u0301'].flatMap((unit) =>
      [most, most + 1].map((length) => {
        const text = unit.repeat(length).slice(0, Array.from(unit).length === 1 ? undefined : length);
        return { what: `${path} of ${length} characters like ${unit}`, spec: specWith(text) };
      }),
    ),
  ),
  ...[63, 64].map((length) => ({
    what: `spec.providerName of ${length} characters`,
    spec: { providerName: 'a'.repeat(length) },
  })),
  ...[32, 33].map((length) => ({
    what: `${length} SSH keys`,
    spec: { sshKeyIds: Array.from({ length }, (_, index) => index + 1) },
  })),
  ...['web\n', '\nweb', 'wéb', 'web😀'].flatMap((text) => [
    { what: `spec.providerName ${JSON.stringify(text)}`, spec: { providerName: text } },
    { what: `spec.credentialsSecretRef.key ${JSON.stringify(text)}`, spec: { credentialsSecretRef: { key: text } } },
  ]),
];

const window = { from: '0 20 * * *', to: '0 7 * * *' };

function scheduleWith(more: object, times: object = {}): object {
  return { powerSchedule: { timeZone: 'UTC', halted: [{ ...window, ...times }], ...more } };
}

const refusedSchedules: readonly Refusal[] = [
  ...(['timeZone', 'halted'] as const).map((field) =>
    refusal(
      `spec.powerSchedule.${field} required`,
      `a schedule without ${field}`,
      scheduleWith({ [field]: undefined }),
      `spec.powerSchedule.${field}: Required value`,
    ),
  ),
  ...['', '+01:00', 'Europe/Amsterdam\n', 'Europe Amsterdam'].map((timeZone) =>
    refusal(
      'spec.powerSchedule.timeZone pattern',
      `the time zone ${JSON.stringify(timeZone)}`,
      scheduleWith({ timeZone }),
      'spec.powerSchedule.timeZone in body should match ',
    ),
  ),
  refusal(
    'spec.powerSchedule.timeZone maxLength',
    'a time zone that is too long',
    scheduleWith({ timeZone: 'a'.repeat(65) }),
    ['spec.powerSchedule.timeZone: Too long: may not be ', ' than 64'],
  ),
  refusal(
    'spec.powerSchedule.halted minItems',
    'a schedule without windows',
    scheduleWith({ halted: [] }),
    'spec.powerSchedule.halted in body should have at least 1 items',
  ),
  refusal(
    'spec.powerSchedule.halted maxItems',
    'nine windows',
    scheduleWith({ halted: Array.from({ length: 9 }, () => window) }),
    'spec.powerSchedule.halted: Too many: 9: must have at most 8 items',
  ),
  ...(['from', 'to'] as const).flatMap((field) => [
    refusal(
      `spec.powerSchedule.halted[].${field} required`,
      `a window without ${field}`,
      scheduleWith({}, { [field]: undefined }),
      `spec.powerSchedule.halted[0].${field}: Required value`,
    ),
    refusal(
      `spec.powerSchedule.halted[].${field} maxLength`,
      `a window whose ${field} is too long`,
      scheduleWith({}, { [field]: `0 0 * * ${'1,'.repeat(50)}1` }),
      [`spec.powerSchedule.halted[0].${field}: Too long: may not be `, ' than 100'],
    ),
  ]),
  ...(['from', 'to'] as const).flatMap((field) =>
    ['@daily', '0 20 * *', '0 0 20 * * *', '0 20 * * * ', '0 20 ? * MON', '0 20 * * \u001b[31m'].map((text) =>
      refusal(
        `spec.powerSchedule.halted[].${field} pattern`,
        `a window ${field} ${JSON.stringify(text)}`,
        scheduleWith({}, { [field]: text }),
        `spec.powerSchedule.halted[0].${field} in body should match `,
      ),
    ),
  ),
];

export const refusals: readonly Refusal[] = [
  ...selector('region'),
  ...selector('package'),
  ...selector('osTemplate'),
  refusal(
    undefined,
    'an id in quotes',
    { region: { id: '1' } },
    'spec.region.id: Invalid value: "string": spec.region.id in body must be of type integer: "string"',
  ),
  refusal('spec.sshKeyIds set', 'an SSH key twice', { sshKeyIds: [7, 7] }, 'spec.sshKeyIds[1]: Duplicate value: 7'),
  refusal(
    'spec.sshKeyIds maxItems',
    '33 SSH keys',
    { sshKeyIds: Array.from({ length: 33 }, (_, index) => index + 1) },
    'spec.sshKeyIds: Too many: 33: must have at most 32 items',
  ),
  ...ids('spec.sshKeyIds[]', (id) => ({ sshKeyIds: [id] })),
  ...lengths('spec.providerName', 63, (providerName) => ({ providerName })),
  refusal(
    'spec.providerName pattern',
    'a provider name with capitals',
    { providerName: 'Web' },
    "spec.providerName in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'",
  ),
  choice('spec.powerState', 'another power state', { powerState: 'Other' }, '"Running", "Halted"'),
  choice('spec.powerOff.mode', 'another power-off mode', { powerOff: { mode: 'Other' } }, '"Soft", "Hard", "TrySoft"'),
  ...(
    [
      ['minimum', 0, 'greater than or equal to 1'],
      ['maximum', 3601, 'less than or equal to 3600'],
    ] as const
  ).map(([keyword, gracePeriodSeconds, words]) =>
    refusal(
      `spec.powerOff.gracePeriodSeconds ${keyword}`,
      `a grace period of ${gracePeriodSeconds} seconds`,
      { powerOff: { gracePeriodSeconds } },
      `spec.powerOff.gracePeriodSeconds in body should be ${words}`,
    ),
  ),
  ...refusedSchedules,
  ...lengths('spec.restartRequest', 256, (restartRequest) => ({ restartRequest })),
  choice(
    'spec.powerDriftPolicy',
    'another policy for power drift',
    { powerDriftPolicy: 'Other' },
    '"Correct", "Report"',
  ),
  choice(
    'spec.managementPolicy',
    'another management policy',
    { managementPolicy: 'Other' },
    '"Manage", "Plan", "Observe"',
  ),
  choice(
    'spec.adoption.policy',
    'another adoption policy',
    { adoption: { policy: 'Other' } },
    '"Never", "IfExists", "MustExist"',
  ),
  ...ids('spec.adoption.id', (id) => ({ adoption: { policy: 'MustExist', id } })),
  ...lengths('spec.adoption.name', 255, (name) => ({ adoption: { policy: 'MustExist', name } })),
  ...['Web\t1', 'Web\n1', 'Web 1\n', 'Web\u0085'].map((name) =>
    refusal(
      'spec.adoption.name pattern',
      `a VM to adopt named ${JSON.stringify(name)}`,
      { adoption: { policy: 'MustExist', name } },
      'spec.adoption.name in body should match ',
    ),
  ),
  ...[
    { policy: 'Never', id: 7 },
    { id: 7 },
    { policy: 'IfExists', id: 7 },
    { policy: 'IfExists', name: 'Web 1' },
    { name: 'Web 1' },
    { policy: 'MustExist', id: 7, name: 'Web 1' },
  ].map((adoption) =>
    refusal(
      "spec.adoption !has(self.id) && !has(self.name) || self.policy == 'MustExist' && has(self.id) != has(self.name)",
      `adoption of ${JSON.stringify(adoption)}`,
      { adoption },
      refusedBy('spec.adoption', 'adoption takes an id or a name, not both, and only with policy MustExist'),
    ),
  ),
  choice(
    'spec.onExternalDelete',
    'another policy for an external delete',
    { onExternalDelete: 'Other' },
    '"Recreate", "Report"',
  ),
  choice('spec.deletionPolicy', 'another deletion policy', { deletionPolicy: 'Other' }, '"Delete", "Retain"'),
  ...lengths('spec.credentialsSecretRef.name', 253, (name) => ({ credentialsSecretRef: { name } })),
  ...lengths('spec.credentialsSecretRef.key', 253, (key) => ({ credentialsSecretRef: { key } })),
  refusal(
    'spec.credentialsSecretRef.name pattern',
    'a Secret with a name that none can have',
    { credentialsSecretRef: { name: 'A/b' } },
    'spec.credentialsSecretRef.name in body should match',
  ),
  refusal(
    'spec.credentialsSecretRef.key pattern',
    'a key that no Secret can have',
    { credentialsSecretRef: { key: 'a/b' } },
    'spec.credentialsSecretRef.key in body should match',
  ),
  refusal(
    undefined,
    'a Secret in another namespace',
    { credentialsSecretRef: { namespace: 'x' } },
    'unknown field "spec.credentialsSecretRef.namespace"',
  ),
  ...lengths('spec.initialPasswordSecret.name', 253, (name) => ({ initialPasswordSecret: { name } })),
  refusal(
    'spec.initialPasswordSecret.name pattern',
    'a password Secret with a name that none can have',
    { initialPasswordSecret: { name: 'A/b' } },
    'spec.initialPasswordSecret.name in body should match',
  ),
  choice(
    'spec.initialPasswordSecret.policy',
    'another policy for the password Secret',
    { initialPasswordSecret: { policy: 'Other' } },
    '"Create", "None"',
  ),
  refusal(
    "spec.initialPasswordSecret !has(self.name) || !has(self.policy) || self.policy != 'None'",
    'a name for a password Secret that is not to be written',
    { initialPasswordSecret: { name: 'root', policy: 'None' } },
    refusedBy('spec.initialPasswordSecret.policy', 'initialPasswordSecret takes a name or policy None, not both'),
  ),
  refusal(undefined, 'an unknown field', { powerstate: 'Halted' }, 'unknown field "spec.powerstate"'),
];

const providerNameRule =
  'spec has(self.providerName) == has(oldSelf.providerName) && ' +
  '(!has(self.providerName) || self.providerName == oldSelf.providerName)';

const providerNameWords =
  'providerName cannot be changed, added or removed once the object exists: create a new VirtualMachine with the other providerName';

/** Changes that are refused also before there is a VM, of the objects `plain` and `named`. */
export const renamings = [
  { name: 'plain', providerName: 'late', what: 'added' },
  { name: 'named', providerName: 'other', what: 'changed' },
  { name: 'named', providerName: null, what: 'removed' },
].map(({ name, providerName, what }) => ({
  name,
  providerName,
  what,
  shows: providerNameRule,
  complaint: refusedBy('spec.providerName', providerNameWords),
}));

/** What the status of `plain` and `named` shows of their VMs, which differ from the spec. */
export const shown = {
  id: 90,
  state: 'Running',
  region: { id: 7, name: 'London 1' },
  package: { id: 4, name: 'Budget' },
  osTemplate: { id: 5 },
  ipv6: false,
  privateNetworking: true,
  sshKeyIds: [1, 2],
} as const;

/** What the spec may be corrected to, or leave as it is, once there is a VM. */
export const corrections: readonly (readonly [what: string, spec: object])[] = [
  ['the region of the VM, by id', { region: { name: null, id: 7 } }],
  ['the region of the VM, by name', { region: { name: 'London 1' } }],
  ['the package of the VM, by id', { package: { id: 4 } }],
  ['the package of the VM, by name', { package: { id: null, name: 'Budget' } }],
  ['the template of the VM, by id', { osTemplate: { name: null, id: 5 } }],
  ['a template by its name, of which the status shows only the id', { osTemplate: { name: 'Ubuntu' } }],
  ['all three at once', { region: { name: 'London 1' }, package: { id: 4 }, osTemplate: { name: null, id: 5 } }],
  ['the options that the VM was created with', { privateNetworking: true, sshKeyIds: [2, 1] }],
  ['nothing about them, for a VM that is adopted', { region: null, adoption: { policy: 'MustExist' } }],
];

/** Changes of the objects `plain` and `named` that are refused once there is a VM, and allowed before. */
export const changes = [
  { name: 'plain', spec: { region: { name: 'Oslo' } }, refused: 'region', what: 'another region' },
  {
    name: 'plain',
    spec: { region: { name: null, id: 1 } },
    refused: 'region',
    what: 'a region by an id that is not the one of the VM',
  },
  {
    name: 'plain',
    spec: { package: { id: 5 } },
    refused: 'package',
    what: 'another package: the provider does not resize VMs',
  },
  {
    name: 'plain',
    spec: { package: { id: null, name: 'Large' } },
    refused: 'package',
    what: 'another package by name',
  },
  { name: 'plain', spec: { osTemplate: { name: null, id: 6 } }, refused: 'osTemplate', what: 'another template by id' },
  {
    name: 'plain',
    spec: { region: { name: 'London 1' }, package: { id: 5 } },
    refused: 'package',
    what: 'one that is right and one that is not',
  },
  { name: 'plain', spec: { ipv6: true }, refused: 'ipv6', what: 'ipv6' },
  {
    name: 'plain',
    spec: { privateNetworking: true, ipv6: true },
    refused: 'ipv6',
    what: 'an option that is right and one that is not',
  },
  { name: 'plain', spec: { sshKeyIds: [1] }, refused: 'sshKeyIds', what: 'SSH keys' },
  {
    name: 'plain',
    spec: { region: { name: 'Oslo' }, ipv6: true },
    refused: 'region',
    what: 'two at once, of which the first is named',
  },
  { name: 'named', spec: { sshKeyIds: null }, refused: 'sshKeyIds', what: 'SSH keys back to the default' },
];
