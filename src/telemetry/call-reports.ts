import type { Metrics } from './metrics.ts';
import type { Tracing } from './tracing.ts';

/** A request to the Kubernetes API. The HTTP status is 0 without a response. */
interface KubernetesCall {
  readonly verb: string;
  readonly method: string;
  readonly host: string;
  readonly resource: string;
  readonly status: number;
  readonly milliseconds: number;
}

interface KubernetesTraffic {
  readonly verb: string;
  readonly resource: string;
  /** Bytes. */
  readonly sent: number;
  readonly received: number;
}

interface ProviderCall {
  readonly operation: string;
  /** `ok`, or the code of the failure. */
  readonly code: string;
  readonly milliseconds: number;
}

/** What happens with each call of the clients: metrics, in seconds and bytes, and spans. */
export interface CallReports {
  readonly kubernetes: {
    readonly onCall: (call: KubernetesCall) => void;
    readonly onTraffic: (traffic: KubernetesTraffic) => void;
  };
  readonly provider: { readonly onCall: (call: ProviderCall) => void };
}

type CallMetrics = Pick<
  Metrics,
  | 'kubernetesCalls'
  | 'kubernetesCallDuration'
  | 'kubernetesSent'
  | 'kubernetesReceived'
  | 'providerCalls'
  | 'providerCallDuration'
>;

export function createCallReports(metrics: CallMetrics, tracing: Pick<Tracing, 'call'>): CallReports {
  return {
    kubernetes: {
      onCall({ verb, method, host, resource, status, milliseconds }) {
        const code = status === 0 ? '<error>' : String(status);
        metrics.kubernetesCalls.inc({ code, method, host, verb, resource });
        metrics.kubernetesCallDuration.observe({ verb: method, host }, milliseconds / 1_000);
        const isError = status === 0 || status >= 400;
        tracing.call({ api: 'kubernetes', name: `${verb} ${resource}`, code: String(status), isError, milliseconds });
      },
      onTraffic({ verb, resource, sent, received }) {
        metrics.kubernetesSent.inc({ verb, resource }, sent);
        metrics.kubernetesReceived.inc({ verb, resource }, received);
      },
    },
    provider: {
      onCall({ operation, code, milliseconds }) {
        metrics.providerCalls.inc({ operation, code });
        metrics.providerCallDuration.observe({ operation }, milliseconds / 1_000);
        tracing.call({ api: 'provider', name: operation, code, isError: code !== 'ok', milliseconds });
      },
    },
  };
}
