import { group, plural } from '../api/v1alpha1/constants.ts';
import type { Permission } from '../kubernetes/access-review.ts';

export interface RequiredPermission extends Permission {
  /** The effect if it is missing; undefined: the operator can't work, and waits for it. */
  readonly without?: string;
}

const noPrompt = 'a changed API key is noticed after minutes only';
const noEvents = 'the operator emits no events';

/**
 * The permissions that the operator needs in the namespaces of its objects: the only source for the check at startup.
 */
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
