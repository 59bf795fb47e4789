/** A call to one of the two APIs that has just ended. Names and codes only, no request or response content. */
export interface TracedCall {
  readonly api: 'kubernetes' | 'provider';
  /** Such as `patch virtualmachines/status` or `CreateMachine`. */
  readonly name: string;
  /** The HTTP status, or the code of the provider client. */
  readonly code: string;
  readonly isError: boolean;
  readonly milliseconds: number;
}

/** Exports traces to a collector: a span for each reconciliation and for each call. */
export interface Tracing {
  /** Runs a reconciliation of the object `namespace/name`. Its calls become child spans. */
  reconciliation<T>(key: string, work: () => Promise<T>): Promise<T>;
  call(call: TracedCall): void;
  /** Exports the remaining spans, for two seconds at most. */
  stop(): Promise<void>;
}

export const noTracing: Tracing = {
  reconciliation: (_key, work) => work(),
  call: () => {},
  stop: () => Promise.resolve(),
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether OpenTelemetry's environment variables name a collector, and none of them disables tracing. */
export function wantsTraces(env: Environment): boolean {
  const hasCollector = [env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], env['OTEL_EXPORTER_OTLP_ENDPOINT']].some(
    (url) => url !== undefined && url !== '',
  );
  const exporter = env['OTEL_TRACES_EXPORTER'] ?? '';
  return hasCollector && env['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true' && (exporter === '' || exporter === 'otlp');
}

/** The sampled fraction of all reconciliations, 0 to 1, by OTEL_TRACES_SAMPLER; 1 for an unknown sampler. */
export function sampledPart(env: Environment): number {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  if (sampler.endsWith('always_off')) return 0;
  const part = Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  return sampler.endsWith('traceidratio') && part >= 0 && part <= 1 ? part : 1;
}
