import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Clock } from '../domain/clock.ts';
import type { Log } from './log.ts';
import type { Tracing } from './tracing.ts';

export interface TracingOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The operator's version. */
  readonly version: string;
  /** The sampled fraction of all reconciliations, 0 to 1. */
  readonly sampledPart: number;
}

const patience = 2_000;

/**
 * Traces over OTLP/HTTP, to the endpoint in OpenTelemetry's environment variables. Imported only if an endpoint is set,
 * because the packages use memory that an operator without a collector doesn't need.
 */
export function createTracing({ clock, log, version, sampledPart }: TracingOptions): Tracing {
  const service = resourceFromAttributes({ 'service.name': 'vps247-operator', 'service.version': version });
  const named = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  const provider = new TracerProvider({
    resource: service.merge(named),
    sampler: new TraceIdRatioBasedSampler(sampledPart),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  const tracer = provider.getTracer('vps247-operator', version);
  /** The reconciliation that the running code belongs to. */
  const current = new AsyncLocalStorage<Context>();
  sayOnce(log);

  return {
    async reconciliation(key, work) {
      const [namespace = '', name = ''] = key.split('/');
      const span = tracer.startSpan(
        'reconcile',
        {
          kind: SpanKind.INTERNAL,
          startTime: clock.now(),
          attributes: { 'k8s.namespace.name': namespace, 'vps247.object.name': name },
        },
        ROOT_CONTEXT,
      );
      try {
        return await current.run(trace.setSpan(ROOT_CONTEXT, span), work);
      } catch (error) {
        // Without the error's text: the log has it, redacted.
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end(clock.now());
      }
    },
    call({ api, name, code, isError, milliseconds }) {
      const end = clock.now();
      const context = current.getStore();
      // Outside of any reconciliation: a watch, a list, an event. Sampled separately.
      const span = tracer.startSpan(
        name,
        {
          kind: SpanKind.CLIENT,
          startTime: end - milliseconds,
          attributes: { 'vps247.api': api, 'vps247.code': code },
        },
        context ?? ROOT_CONTEXT,
      );
      if (isError) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(end);
    },
    async stop() {
      const late = Promise.withResolvers<void>();
      const cancel = clock.schedule(patience, late.resolve);
      await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
      cancel();
    },
  };
}

const silent = (): void => {};

/** The library's own errors may quote its headers, which contain credentials, so only their occurrence is logged. */
function sayOnce(log: Log): void {
  let isLogged = false;
  const complain = (): void => {
    if (!isLogged) log.warn('Failed to export traces');
    isLogged = true;
  };
  diag.setLogger(
    { error: complain, warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
}
