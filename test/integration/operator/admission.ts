import { kubectl } from '../../support/shared-cluster.ts';

const group = 'admissionregistration.k8s.io/v1';

/** What a policy judges: the object itself, or its status. */
type Subject = 'virtualmachines' | 'virtualmachines/status';

interface Rule {
  /** CEL; where it is false, the policy does not apply. */
  readonly when?: string;
  readonly resources?: readonly Subject[];
}

/** Cluster-wide policies for one namespace of the shared control plane. Each answers how it is taken away again. */
export interface Admission {
  /** Applies JSON patch operations, as CEL, to each object that is about to be stored. */
  mutate(patch: string, rule: Rule): Promise<() => Promise<void>>;
  /** Denies each object for which `expression`, as CEL, is false. */
  validate(expression: string, message: string, rule?: Rule): Promise<() => Promise<void>>;
}

export function admissionIn(namespace: string): Admission {
  let count = 0;

  async function apply(kind: 'MutatingAdmissionPolicy' | 'ValidatingAdmissionPolicy', rule: Rule, spec: object) {
    count += 1;
    const name = `${kind.toLowerCase()}-${count}.${namespace}`;
    const policy = {
      apiVersion: group,
      kind,
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          resourceRules: [
            {
              apiGroups: ['vps247.com'],
              apiVersions: ['*'],
              operations: ['CREATE', 'UPDATE'],
              resources: rule.resources ?? ['virtualmachines'],
            },
          ],
        },
        ...(rule.when === undefined ? {} : { matchConditions: [{ name: 'when', expression: rule.when }] }),
        ...spec,
      },
    };
    const binding = {
      apiVersion: group,
      kind: `${kind}Binding`,
      metadata: { name },
      spec: {
        policyName: name,
        ...(kind === 'ValidatingAdmissionPolicy' ? { validationActions: ['Deny'] } : {}),
      },
    };
    const items = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy, binding] });
    await run(['apply', '-f', '-'], items);
    return () => run(['delete', '-f', '-'], items);
  }

  return {
    mutate: (expression, rule) =>
      apply('MutatingAdmissionPolicy', rule, {
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
      }),
    validate: (expression, message, rule = {}) =>
      apply('ValidatingAdmissionPolicy', rule, { validations: [{ expression, message }] }),
  };
}

async function run(args: readonly string[], input: string): Promise<void> {
  const { code, stderr } = await kubectl(args, { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}
