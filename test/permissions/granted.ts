import type { Manifest } from '../packaging/manifests.ts';

/** One verb on one resource, as kubectl spells it: `patch virtualmachines.vps247.com/status`. */
export function permissionOf(verb: string, group: string, resource: string, subresource?: string): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** What an installation lets its service account do. */
export interface Granted {
  /** In all namespaces. */
  readonly everywhere: ReadonlySet<string>;
  /** If a Role permits that. */
  readonly inNamespaces: ReadonlySet<string>;
  /** Rules that do not say what they grant, a sentence each. */
  readonly problems: readonly string[];
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs?: readonly string[];
}

/** Reads the rules of every role that is bound to a service account. Roles for users are not bound. */
export function grantedBy(manifests: readonly Manifest[]): Granted {
  const everywhere = new Set<string>();
  const inNamespaces = new Set<string>();
  const problems: string[] = [];
  for (const binding of manifests.filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding')) {
    const role = manifests.find((one) => isRoleOf(binding, one));
    if (role === undefined) {
      problems.push(`${binding.file}: ${binding.kind} ${binding.metadata.name} is bound to a role of others`);
      continue;
    }
    const granted = binding.kind === 'ClusterRoleBinding' ? everywhere : inNamespaces;
    for (const rule of role['rules'] as readonly Rule[]) {
      const { apiGroups = [], resources = [], verbs = [] } = rule;
      if ([...apiGroups, ...resources, ...verbs].includes('*') || resources.length === 0)
        problems.push(`${role.file}: ${role.kind} ${role.metadata.name} has a rule that does not name what it grants`);
      for (const group of apiGroups)
        for (const [resource = '', subresource] of resources.map((name) => name.split('/')))
          for (const verb of verbs) granted.add(permissionOf(verb, group, resource, subresource));
    }
  }
  return { everywhere, inNamespaces, problems };
}

function isRoleOf({ metadata: { namespace }, roleRef }: Manifest, { kind, metadata }: Manifest): boolean {
  if (kind !== roleRef.kind || metadata.name !== roleRef.name) return false;
  return kind === 'ClusterRole' || metadata.namespace === namespace;
}
