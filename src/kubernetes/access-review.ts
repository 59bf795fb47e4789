import { fieldsOf } from '../domain/json.ts';
import { responseError, readStatus } from './errors.ts';
import { parse } from './json-lines.ts';
import type { Resource } from './client.ts';
import type { Call, Transport } from './transport.ts';

/** A request whose permission can be checked. */
export interface Permission {
  readonly verb: string;
  readonly group: string;
  /** The plural name of the resource. */
  readonly resource: string;
  readonly subresource?: string;
}

/**
 * Read-only requests about the API server and the caller's permissions, allowed to every authenticated user. Throws
 * KubeError.
 */
export interface AccessReview {
  /** The OpenAPI v3 document of a group version. A 404 is `Unexpected`: the server doesn't serve the group. */
  openApi(of: Pick<Resource, 'group' | 'version'>): Promise<unknown>;
  /** Whether the caller has the permission, in the namespace or in all namespaces. */
  isAllowed(permission: Permission, namespace?: string): Promise<boolean>;
}

export function createAccessReview(transport: Transport): AccessReview {
  async function request(call: Call): Promise<unknown> {
    const { status, body } = await transport.exchange(call);
    if (status >= 200 && status <= 299) return parse(call.what, body, status);
    throw responseError(call.what, status, statusOf(body));
  }

  return {
    openApi: ({ group, version }) =>
      request({
        verb: 'get',
        resource: 'openapi',
        what: `get the schema of ${group}/${version}`,
        method: 'GET',
        path: `/openapi/v3/apis/${group}/${version}`,
      }),
    async isAllowed(permission, namespace) {
      const review = await request({
        verb: 'create',
        resource: 'selfsubjectaccessreviews',
        what: `ask whether to ${permission.verb} ${permission.resource} is allowed`,
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        contentType: 'application/json',
        body: JSON.stringify({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { ...permission, namespace } },
        }),
      });
      // Anything but an explicit yes counts as no.
      return fieldsOf(fieldsOf(review)['status'])['allowed'] === true;
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
