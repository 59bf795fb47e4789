import { expect, it } from 'vitest';
import { annotations, finalizer } from '../../../src/api/v1alpha1/constants.ts';
import { createVirtualMachineReader } from '../../../src/api/v1alpha1/decode.ts';
import type { MetadataPatch } from '../../../src/controller/own-write.ts';
import {
  alteredIn,
  patchMetadata,
  withFinalizer,
  withoutFinalizer,
} from '../../../src/reconcile/execute/metadata-patch.ts';
import { objectWith } from '../../plan/fixtures.ts';

const { createPending, machine, managedBy } = annotations;
const stored = (finalizers: readonly string[], values: Readonly<Record<string, string>> = {}) => {
  const object = objectWith();
  return { ...object, metadata: { ...object.metadata, finalizers, annotations: values } };
};

it.each<{
  because: string;
  sent: MetadataPatch;
  as: Parameters<typeof stored>;
  altered: readonly string[];
}>([
  {
    because: 'stored as sent',
    sent: { finalizers: [finalizer], annotations: { [createPending]: '{}', [machine]: null } },
    as: [[finalizer], { [createPending]: '{}' }],
    altered: [],
  },
  {
    because: 'what a policy adds beside it is not ours',
    sent: { finalizers: [finalizer], annotations: { [createPending]: '{}' } },
    as: [['policy.example/one', finalizer], { [createPending]: '{}', 'policy.example/seen': 'yes' }],
    altered: [],
  },
  {
    because: 'the finalizers of others are theirs, also when they go',
    sent: { finalizers: ['other.example/one', finalizer] },
    as: [[finalizer]],
    altered: [],
  },
  {
    because: 'our finalizer is missing',
    sent: { finalizers: [finalizer] },
    as: [[]],
    altered: [`finalizer ${finalizer}`],
  },
  {
    because: 'our finalizer was put back',
    sent: { finalizers: [] },
    as: [[finalizer]],
    altered: [`finalizer ${finalizer}`],
  },
  {
    because: 'an annotation is missing, another has other text',
    sent: { finalizers: [finalizer], annotations: { [createPending]: '{"uid":"a"}', [managedBy]: 'a/b' } },
    as: [[finalizer], { [createPending]: '{"uid":"b"}' }],
    altered: [`annotation ${createPending}`, `annotation ${managedBy}`],
  },
  {
    because: 'an annotation that goes was kept',
    sent: { finalizers: [finalizer], annotations: { [createPending]: null } },
    as: [[finalizer], { [createPending]: '{}' }],
    altered: [`annotation ${createPending}`],
  },
])('$because', ({ sent, as, altered }) => {
  expect(alteredIn(sent, stored([]), stored(...as))).toEqual(altered);
});

it('keeps all finalizers of others, also when there are too many to cache', async () => {
  const others = Array.from({ length: 5_000 }, (_, index) => `other.example/${index}`);
  const written = stored([...others, finalizer]);
  const object = createVirtualMachineReader()(written);
  const sent: unknown[] = [];
  const client = {
    get: async () => written,
    patch: async (_resource: unknown, _ref: unknown, { body }: { readonly body: unknown }) => {
      const { metadata } = body as { metadata: { finalizers: readonly string[] } };
      sent.push(metadata.finalizers);
      return stored(metadata.finalizers);
    },
  };
  await patchMetadata({ client, stored: () => {} }, object, { finalizers: withFinalizer(object) });
  await patchMetadata({ client, stored: () => {} }, object, { finalizers: withoutFinalizer(object) });
  expect(sent).toEqual([[...others, finalizer], others]);
});

it('costs one request for an object with few finalizers, whose empty list the API server leaves out', async () => {
  const { finalizers: _, ...metadata } = stored([]).metadata;
  const requests: unknown[] = [];
  const client = {
    get: () => Promise.reject(new Error('not needed')),
    patch: async (_resource: unknown, _ref: unknown, { body }: { readonly body: unknown }) => {
      requests.push(body);
      return { ...objectWith(), metadata };
    },
  };
  await patchMetadata({ client, stored: () => {} }, stored([finalizer]), { finalizers: [] });
  expect(requests).toEqual([{ metadata: { resourceVersion: '7', finalizers: [] } }]);
});
