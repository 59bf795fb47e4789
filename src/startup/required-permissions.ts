import { group, plural } from '../api/v1alpha1/constants.ts';
import type { Permission } from '../kubernetes/access-review.ts';

export interface RequiredPermission extends Permission {
  /** What goes wrong without it; undefined: the operator cannot work, and waits for it. */
  readonly without?: string;
}

const noPrompt = 'a changed API key is noticed after minutes only';
const noEvents = 'the operator emits no events';

/** All that the operator does in the namespaces of its objects: the one source of what it asks for at its start. */
export const requiredPermissions: readonly RequiredPermission[] = [
  ...['get', 'list', 'watch', 'patch'].map((verb) => ({ verb, group, resource: plural })),
  { verb: 'patch', group, resource: plural, subresource: 'status' },
  { verb: 'get', group: '', resource: 'secrets' },
  { verb: 'list', group: '', resource: 'secrets', without: noPrompt },
  { verb: 'watch', group: '', resource: 'secrets', without: noPrompt },
  { verb: 'create', group: '', resource: 'secrets', without: 'initial passwords are not kept' },
  { verb: 'create', group: 'events.k8s.io', resource: 'events', without: noEvents },
  { verb: 'patch', group: 'events.k8s.io', resource: 'events', without: 'events that happen again are not counted' },
];
