import { leaseRef } from '../../../src/config/kinds.ts';
import type { Schema } from './values.ts';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const anyObject = { type: 'object' };
const whole = { type: 'integer' };
const labelName = String.raw`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`;

/** An object with exactly these fields. */
function closed(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: 'object', additionalProperties: false, properties, ...(required.length > 0 ? { required } : {}) };
}

function mapOf(values: Schema): Schema {
  return { type: 'object', propertyNames: { pattern: labelName }, additionalProperties: values };
}

const labels = mapOf({ type: 'string', maxLength: 63, pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$' });
const namespace = { type: 'string', maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' };
const quantity = {
  type: ['string', 'number'],
  pattern: String.raw`^[0-9]+([.][0-9]+)?([EPTGMk]i?|m|e[0-9]+)?$`,
  minimum: 0,
};
const quantities = { type: 'object', additionalProperties: quantity };

/**
 * The definitions that `$ref` in a comment of values.yaml refers to. Fields are listed where users write them by hand,
 * so that Helm refuses a misspelled one.
 */
export const definitions: Readonly<Record<string, Schema>> = {
  name: { type: 'string', maxLength: 253, pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$' },
  namespace,
  leaseRef: { type: 'string', pattern: leaseRef.source },
  namespaceOrNone: { ...namespace, pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$' },
  labels,
  annotations: mapOf(text),
  localReference: closed({ name: { type: 'string', minLength: 1 } }, ['name']),
  envVar: closed({ name: { type: 'string', minLength: 1 }, value: text, valueFrom: anyObject }, ['name']),
  volume: { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 1 } } },
  volumeMount: closed(
    {
      name: text,
      mountPath: { type: 'string', minLength: 1 },
      readOnly: { type: 'boolean' },
      recursiveReadOnly: text,
      subPath: text,
      subPathExpr: text,
      mountPropagation: text,
    },
    ['name', 'mountPath'],
  ),
  resources: closed({ limits: quantities, requests: quantities, claims: { type: 'array', items: anyObject } }),
  toleration: closed({
    key: text,
    operator: { enum: ['Equal', 'Exists', 'Lt', 'Gt'] },
    value: text,
    effect: { enum: ['', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'] },
    tolerationSeconds: whole,
  }),
  affinity: closed({ nodeAffinity: anyObject, podAffinity: anyObject, podAntiAffinity: anyObject }),
  topologySpreadConstraint: closed(
    {
      maxSkew: { type: 'integer', minimum: 1 },
      topologyKey: { type: 'string', minLength: 1 },
      whenUnsatisfiable: { enum: ['DoNotSchedule', 'ScheduleAnyway'] },
      labelSelector: anyObject,
      matchLabelKeys: texts,
      minDomains: { type: 'integer', minimum: 1 },
      nodeAffinityPolicy: { enum: ['Honor', 'Ignore'] },
      nodeTaintsPolicy: { enum: ['Honor', 'Ignore'] },
    },
    ['maxSkew', 'topologyKey', 'whenUnsatisfiable'],
  ),
  probe: closed({
    initialDelaySeconds: { type: 'integer', minimum: 0 },
    periodSeconds: { type: 'integer', minimum: 1 },
    timeoutSeconds: { type: 'integer', minimum: 1 },
    successThreshold: { type: 'integer', minimum: 1 },
    failureThreshold: { type: 'integer', minimum: 1 },
  }),
  amount: { type: ['string', 'integer'], pattern: '^([0-9]+%)?$', minimum: 0 },
  // The Prometheus Operator's own pattern, in which an empty text means no value.
  prometheusDuration: {
    type: 'string',
    pattern: '^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$',
  },
};
