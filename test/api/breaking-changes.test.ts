import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Definition, breakingChanges } from '../../hack/golden/breaking-changes.ts';

const root = join(import.meta.dirname, '../..');
// Freely modified below; any, as in the manifests.
type Any = ReturnType<typeof JSON.parse>;
const present = parse(readFileSync(join(root, 'crds/virtualmachines.vps247.com.yaml'), 'utf8')) as Definition;

interface Parts {
  readonly crd: Any;
  readonly version: Any;
  readonly spec: Any;
  readonly status: Any;
}

function partsOf(definition: Definition): Parts {
  const crd = definition as Any;
  const [version] = crd.spec.versions;
  const { spec, status } = version.schema.openAPIV3Schema.properties;
  return { crd, version, spec: spec.properties, status: status.properties };
}

/** What is found when the present definition is followed by one that is changed so. */
function after(change: (parts: Parts) => void, start: (parts: Parts) => void = () => {}): readonly string[] {
  const before = structuredClone(present);
  start(partsOf(before));
  const later = structuredClone(before);
  change(partsOf(later));
  return breakingChanges(before, later);
}

describe('removals are found', () => {
  it.each<[what: string, change: (parts: Parts) => void, found: string]>([
    ['another group', ({ crd }) => (crd.spec.group = 'x.com'), 'group was "vps247.com" and is "x.com"'],
    ['another scope', ({ crd }) => (crd.spec.scope = 'Cluster'), 'scope was "Namespaced"'],
    ['another plural', ({ crd }) => (crd.spec.names.plural = 'vms'), 'plural was "virtualmachines"'],
    ['another kind', ({ crd }) => (crd.spec.names.kind = 'Vm'), 'kind was "VirtualMachine"'],
    ['a short name less', ({ crd }) => (crd.spec.names.shortNames = ['vm']), 'names.shortNames: vps is gone'],
    ['a category less', ({ crd }) => delete crd.spec.names.categories, 'names.categories: vps247 is gone'],
    ['a version less', ({ version }) => (version.name = 'v1beta1'), 'version v1alpha1 is gone'],
    ['a version not served', ({ version }) => (version.served = false), 'version v1alpha1 is not served any more'],
    ['no status subresource', ({ version }) => delete version.subresources, 'subresource status is gone'],
    ['a column less', ({ version }) => version.additionalPrinterColumns.shift(), 'column Desired is gone'],
    [
      'a selectable field less',
      ({ version }) => version.selectableFields.shift(),
      'field .spec.powerState is not selectable any more',
    ],
    [
      'a column that shows something else',
      ({ version }) => (version.additionalPrinterColumns[0].jsonPath = '.status.id'),
      'column Desired: jsonPath was ".spec.powerState" and is ".status.id"',
    ],
    [
      'a column of another type',
      ({ version }) => (version.additionalPrinterColumns[8].type = 'string'),
      'column ID: type was "integer" and is "string"',
    ],
    [
      'a column that is hidden',
      ({ version }) => (version.additionalPrinterColumns[0].priority = 1),
      'column Desired is shown with -o wide only',
    ],
    ['a field of the spec less', ({ spec }) => delete spec.ipv6, 'spec.ipv6 is gone'],
    ['a nested field less', ({ spec }) => delete spec.powerOff.properties.mode, 'spec.powerOff.mode is gone'],
    ['a field of the status less', ({ status }) => delete status.orphanCandidates, 'status.orphanCandidates is gone'],
    [
      'a field of list items less',
      ({ status }) => delete status.addresses.items.properties.gateway,
      'status.addresses[].gateway is gone',
    ],
    ['another type', ({ spec }) => (spec.ipv6.type = 'string'), 'spec.ipv6: type was "boolean" and is "string"'],
    [
      'a narrower integer',
      ({ status }) => (status.id.format = 'int32'),
      'status.id: format was "int64" and is "int32"',
    ],
    [
      'items of another type',
      ({ spec }) => (spec.sshKeyIds.items.type = 'string'),
      'spec.sshKeyIds[]: type was "integer" and is "string"',
    ],
    ['items without a schema', ({ spec }) => delete spec.sshKeyIds.items, 'spec.sshKeyIds: items was {'],
    [
      'another kind of list',
      ({ spec }) => (spec.sshKeyIds['x-kubernetes-list-type'] = 'atomic'),
      'spec.sshKeyIds: x-kubernetes-list-type was "set" and is "atomic"',
    ],
    [
      'other keys of a list',
      ({ status }) => (status.conditions['x-kubernetes-list-map-keys'] = ['reason']),
      'status.conditions: x-kubernetes-list-map-keys was ["type"] and is ["reason"]',
    ],
    [
      'a field that has to be given',
      ({ version }) => (version.schema.openAPIV3Schema.properties.spec.required = ['providerName']),
      'spec: required "providerName" has to be given now',
    ],
    [
      'a field that has to be given where none had',
      ({ spec }) => (spec.powerOff.required = ['mode']),
      'spec.powerOff: required "mode" has to be given now',
    ],
    [
      'a new field that has to be given',
      ({ version, spec }) => {
        spec.zone = { type: 'string' };
        version.schema.openAPIV3Schema.properties.spec.required = ['zone'];
      },
      'spec: required "zone" has to be given now',
    ],
    [
      'a value less',
      ({ spec }) => spec.powerOff.properties.mode.enum.pop(),
      'mode: enum "TrySoft" is not allowed any more',
    ],
    [
      'a value less in the status',
      ({ status }) => status.state.enum.pop(),
      'status.state: enum "Unknown" is not allowed',
    ],
    [
      'values where any was allowed',
      ({ spec }) => (spec.restartRequest.enum = ['now']),
      'spec.restartRequest: enum was nothing',
    ],
    [
      'a larger minimum',
      ({ spec }) => (spec.region.properties.id.minimum = 2),
      'spec.region.id: minimum was 1 and is 2',
    ],
    ['a smaller maximum', ({ spec }) => (spec.region.properties.id.maximum = 9), 'spec.region.id: maximum was'],
    [
      'a bound where there was none',
      ({ status }) => (status.observedGeneration.maximum = 9),
      'maximum was nothing and is 9',
    ],
    ['a bound that is out', ({ status }) => (status.id.exclusiveMinimum = true), 'status.id: exclusiveMinimum is set'],
    ['a step', ({ status }) => (status.id.multipleOf = 2), 'status.id: multipleOf was nothing and is 2'],
    [
      'longer texts only',
      ({ spec }) => (spec.restartRequest.minLength = 2),
      'spec.restartRequest: minLength was 1 and is 2',
    ],
    [
      'shorter texts only',
      ({ spec }) => (spec.providerName.maxLength = 62),
      'spec.providerName: maxLength was 63 and is 62',
    ],
    ['fewer items', ({ spec }) => (spec.sshKeyIds.maxItems = 31), 'spec.sshKeyIds: maxItems was 32 and is 31'],
    ['at least one item', ({ spec }) => (spec.sshKeyIds.minItems = 1), 'spec.sshKeyIds: minItems was nothing and is 1'],
    ['another pattern', ({ spec }) => (spec.providerName.pattern = '^[a-z]+$'), 'spec.providerName: pattern was'],
    ['a pattern', ({ spec }) => (spec.restartRequest.pattern = '^[a-z]+$'), 'spec.restartRequest: pattern was nothing'],
    [
      'another default',
      ({ spec }) => (spec.powerState.default = 'Halted'),
      'spec.powerState: default was "Running" and is "Halted"',
    ],
    ['a default less', ({ spec }) => delete spec.powerOff.default, 'spec.powerOff: default was {} and is nothing'],
    [
      'a default where leaving it out meant something',
      ({ spec }) => (spec.deletionPolicy.default = 'Delete'),
      'spec.deletionPolicy: default was nothing and is "Delete"',
    ],
    [
      'a new rule',
      ({ spec }) => spec.region['x-kubernetes-validations'].push({ rule: 'has(self.id)', message: 'by id' }),
      'spec.region: x-kubernetes-validations has the new rule "has(self.id)"',
    ],
    [
      'what may not change any more',
      ({ spec }) => (spec.powerState['x-kubernetes-validations'] = [{ rule: 'self == oldSelf' }]),
      'spec.powerState: x-kubernetes-validations has the new rule "self == oldSelf"',
    ],
    [
      'a rule that says more',
      ({ spec }) => (spec.region['x-kubernetes-validations'][0].rule = 'has(self.id)'),
      'has the new rule "has(self.id)"',
    ],
    [
      'a rule that is only called ratcheting',
      ({ spec }) =>
        (spec.powerState['x-kubernetes-validations'] = [{ rule: 'self == "Running"', optionalOldSelf: true }]),
      'has the new rule',
    ],
    [
      'a condition on the whole',
      ({ spec }) => (spec.region.oneOf = [{ required: ['id'] }]),
      'spec.region: oneOf was nothing',
    ],
    ['an unknown keyword', ({ spec }) => (spec.region['x-new'] = 1), 'spec.region: x-new was nothing and is 1'],
  ])('%s', (_what, change, found) => {
    expect(after(change)).toEqual([expect.stringContaining(found)]);
  });

  it.each<[what: string, start: (parts: Parts) => void, change: (parts: Parts) => void, found: string]>([
    [
      'unknown fields that are dropped from now on',
      ({ status }) => (status.raw = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
      ({ status }) => delete status.raw['x-kubernetes-preserve-unknown-fields'],
      'status.raw: x-kubernetes-preserve-unknown-fields is not set any more',
    ],
    [
      'null that is refused from now on',
      ({ spec }) => (spec.note = { type: 'string', nullable: true }),
      ({ spec }) => delete spec.note.nullable,
      'spec.note: nullable is not set any more',
    ],
    [
      'values of a map that are shorter',
      ({ spec }) => (spec.tags = { type: 'object', additionalProperties: { type: 'string', maxLength: 9 } }),
      ({ spec }) => (spec.tags.additionalProperties.maxLength = 8),
      'spec.tags.*: maxLength was 9 and is 8',
    ],
  ])('%s', (_what, start, change, found) => {
    expect(after(change, start)).toEqual([expect.stringContaining(found)]);
  });
});

describe('additions are not reported', () => {
  it.each<[what: string, change: (parts: Parts) => void]>([
    ['nothing', () => {}],
    ['other words', ({ spec }) => (spec.region.description = 'Where.')],
    ['a new field', ({ spec }) => (spec.zone = { type: 'string', maxLength: 9 })],
    [
      'a new field with a default and a rule',
      ({ spec }) =>
        (spec.zone = { type: 'string', default: 'a', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] }),
    ],
    [
      'a new field of the status, with fields it requires',
      ({ status }) => (status.disk = { type: 'object', required: ['size'], properties: { size: { type: 'integer' } } }),
    ],
    ['a new value', ({ spec }) => spec.powerState.enum.push('Suspended')],
    ['any value where some were allowed', ({ status }) => delete status.state.enum],
    ['wider bounds', ({ spec }) => (spec.sshKeyIds.maxItems = 64)],
    ['no bound', ({ spec }) => delete spec.providerName.maxLength],
    ['no pattern', ({ spec }) => delete spec.providerName.pattern],
    ['a field that need not be given any more', ({ version }) => version.schema.openAPIV3Schema.required.pop()],
    ['a rule less', ({ spec }) => spec.region['x-kubernetes-validations'].pop()],
    ['a rule with another message', ({ spec }) => (spec.region['x-kubernetes-validations'][0].message = 'one of them')],
    [
      'a rule that lets pass what is stored',
      ({ spec }) =>
        (spec.powerState['x-kubernetes-validations'] = [
          { rule: "oldSelf.hasValue() && oldSelf.value() == self || self == 'Running'", optionalOldSelf: true },
        ]),
    ],
    [
      'a column more, in the middle',
      ({ version }) =>
        version.additionalPrinterColumns.splice(1, 0, { name: 'Host', type: 'string', jsonPath: '.status.hostname' }),
    ],
    ['a column that is seen more often', ({ version }) => delete version.additionalPrinterColumns[7].priority],
    ['another short name', ({ crd }) => crd.spec.names.shortNames.push('vm')],
    [
      'another version that is stored',
      ({ crd, version }) => {
        crd.spec.versions.push({ ...structuredClone(version), name: 'v1beta1' });
        version.storage = false;
      },
    ],
  ])('%s', (_what, change) => {
    expect(after(change)).toEqual([]);
  });
});
