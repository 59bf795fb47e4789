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
  /** What the API server answers. */
  readonly complaint: string;
  /** The constraint that refuses it; undefined: the schema as a whole, such as a type or an unknown field. */
  readonly shows?: string;
}

function refusal(shows: string | undefined, what: string, spec: object, complaint: string): Refusal {
  return { what, spec: { ...selectors, ...spec }, complaint, ...(shows === undefined ? {} : { shows }) };
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
      `${path}: Too long: may not be more than ${most} bytes`,
    ),
  ];
}

function selector(field: 'region' | 'package' | 'osTemplate'): readonly Refusal[] {
  const path = `spec.${field}`;
  const rule = `${path} has(self.id) != has(self.name)`;
  const complaint = `${path}: Invalid value: ${field} needs exactly one of id or name`;
  return [
    refusal(`${path} required`, `no ${field}`, { [field]: undefined }, `${path}: Required value`),
    refusal(rule, `neither id nor name of the ${field}`, { [field]: {} }, complaint),
    refusal(rule, `both id and name of the ${field}`, { [field]: { id: 1, name: 'S' } }, complaint),
    ...ids(`${path}.id`, (id) => ({ [field]: { id } })),
    ...lengths(`${path}.name`, 255, (name) => ({ [field]: { name } })),
  ];
}

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
  refusal(
    'spec.powerOff.gracePeriod maxLength',
    'a grace period of more characters than any needs',
    { powerOff: { gracePeriod: `${'0'.repeat(16)}5m` } },
    'spec.powerOff.gracePeriod: Too long: may not be more than 16 bytes',
  ),
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
  ...[{ policy: 'Never', id: 7 }, { id: 7 }].map((adoption) =>
    refusal(
      "spec.adoption !has(self.id) || self.policy != 'Never'",
      `an id to adopt without a policy that adopts: ${JSON.stringify(adoption)}`,
      { adoption },
      'spec.adoption.id: Invalid value: adoption.id needs adoption.policy IfExists or MustExist',
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
  refusal(
    'spec.initialPasswordSecret !has(self.name) || !has(self.disabled) || !self.disabled',
    'a name for a password Secret that is disabled',
    { initialPasswordSecret: { name: 'root', disabled: true } },
    'spec.initialPasswordSecret.disabled: Invalid value: initialPasswordSecret takes a name or disabled: true, not both',
  ),
  refusal(undefined, 'an unknown field', { powerstate: 'Halted' }, 'unknown field "spec.powerstate"'),
];

const gracePeriodRule =
  "spec.powerOff.gracePeriod self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && " +
  "duration(self) >= duration('1s') && duration(self) <= duration('1h')";

function gracePeriod(value: string, what: string) {
  const words = 'gracePeriod must be a duration from 1s to 1h, such as 90s or 5m';
  const complaint = `spec.powerOff.gracePeriod: Invalid value: "${value}": ${words}`;
  return { value, what, shows: gracePeriodRule, complaint };
}

export const gracePeriods = [
  gracePeriod('0s', 'nothing'),
  gracePeriod('999ms', 'just too short'),
  gracePeriod('1h1ms', 'just too long'),
  gracePeriod('-5m', 'negative'),
  gracePeriod('300', 'no unit'),
  gracePeriod('5 minutes', 'words'),
  gracePeriod('999999h999999h', 'overflows'),
];

const providerNameRule =
  'spec has(self.providerName) == has(oldSelf.providerName) && ' +
  '(!has(self.providerName) || self.providerName == oldSelf.providerName)';

function change(name: 'plain' | 'named', field: string, value: unknown, what: string) {
  const shows = field === 'providerName' ? providerNameRule : `spec.${field} self == oldSelf`;
  return { name, field, spec: { [field]: value }, what, shows };
}

/** Changes of the objects `plain`, which has nothing but the selectors, and `named`, which has SSH keys and a name as well. */
export const changes = [
  change('plain', 'region', { name: 'Oslo' }, 'by name'),
  change('plain', 'region', { name: null, id: 1 }, 'from name to id, which may be another'),
  change('plain', 'package', { id: 4 }, 'resizing is not offered by the provider'),
  change('plain', 'osTemplate', { name: 'Ubuntu' }, 'nor is reinstalling'),
  change('plain', 'ipv6', true, 'from its default'),
  change('plain', 'privateNetworking', true, 'from its default'),
  change('plain', 'sshKeyIds', [1], 'from its default'),
  change('named', 'sshKeyIds', null, 'back to its default'),
  change('plain', 'providerName', 'late', 'added'),
  change('named', 'providerName', 'other', 'changed'),
  change('named', 'providerName', null, 'removed'),
];
