import { answerError, readStatus } from './errors.ts';
import { parse } from './json-lines.ts';
import type { Resource } from './client.ts';
import type { Call, Transport } from './transport.ts';

/** Something that may be allowed or not. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  /** The plural. */
  readonly resource: string;
  readonly subresource?: string;
}

/** What the API server tells of itself and of who asks: anybody whom it knows may ask, and nothing is changed by it. Throws KubeError. */
export interface Inquiries {
  /** The OpenAPI v3 document of a group's version. A 404 is `Unexpected`: it serves no such group. */
  openApi(of: Pick<Resource, 'group' | 'version'>): Promise<unknown>;
  /** Whether whoever asks may do it in the namespace, or in all of them. */
  isAllowed(right: Right, namespace?: string): Promise<boolean>;
}

export function createInquiries(transport: Transport): Inquiries {
  async function ask(call: Call): Promise<unknown> {
    const { status, body } = await transport.exchange(call);
    if (status >= 200 && status <= 299) return parse(call.what, body, status);
    throw answerError(call.what, status, statusOf(body));
  }

  return {
    openApi: ({ group, version }) =>
      ask({
        verb: 'get',
        resource: 'openapi',
        what: `get the schema of ${group}/${version}`,
        method: 'GET',
        path: `/openapi/v3/apis/${group}/${version}`,
      }),
    async isAllowed(right, namespace) {
      const answer = await ask({
        verb: 'create',
        resource: 'selfsubjectaccessreviews',
        what: `ask whether to ${right.verb} ${right.resource} is allowed`,
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        contentType: 'application/json',
        body: JSON.stringify({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { ...right, namespace } },
        }),
      });
      // Whatever it answers; anything but a clear yes is none.
      return (answer as { readonly status?: { readonly allowed?: unknown } } | null)?.status?.allowed === true;
    },
  };
}

function statusOf(body: string): ReturnType<typeof readStatus> {
  try {
    return readStatus(JSON.parse(body));
  } catch {
    return undefined;
  }
}
