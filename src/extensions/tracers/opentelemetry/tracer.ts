import { type BuiltInContext, builtIn } from '../../../api/built-in.js'
import type { FilterContext } from '../../../api/context.js'
import { defineTracer, type SpanRecord, type TracerHooks } from '../../../api/tracer.js'
import { settingsOf } from '../../../api/typescript-filter.js'
import { SpanBatches } from '../common/batches.js'
import { unmeasured } from '../common/body.js'
import { encode } from './encode.js'
import type { OpenTelemetrySettings } from './settings.js'

const prefix = 'tracing.opentelemetry'
const method = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

/** Sends spans to an OTLP collector. What becomes of them there is not counted, as in Envoy. */
class OpenTelemetryReporter implements TracerHooks {
  readonly #settings: OpenTelemetrySettings
  readonly #context: FilterContext & BuiltInContext
  readonly #batches: SpanBatches<SpanRecord>

  constructor(settings: OpenTelemetrySettings, context: FilterContext & BuiltInContext) {
    this.#settings = settings
    this.#context = context
    const send = (spans: readonly SpanRecord[]): void => {
      this.#send(encode(spans, settings)).catch((error: unknown) =>
        context.log.debug(`spans were not delivered: ${error instanceof Error ? error.message : String(error)}`),
      )
    }
    this.#batches = new SpanBatches({ context, prefix, most: settings.most, send })
  }

  report(span: SpanRecord): void {
    this.#batches.add(span)
  }

  async #send(request: Uint8Array): Promise<void> {
    const { http, grpc, userAgent } = this.#settings
    const { clusters } = this.#context
    if (grpc !== undefined) {
      const { timeoutMs, authority, metadata } = grpc
      const headers = new Map([...metadata, ['user-agent', userAgent]])
      await clusters.grpc(grpc.cluster, method, request, builtIn.options({ timeoutMs, authority, headers }))
    } else if (http !== undefined) {
      const { cluster, path, authority, timeoutMs } = http
      const headers = new Map([['content-type', 'application/x-protobuf'], ['user-agent', userAgent], ...http.headers])
      const options = builtIn.options({ timeoutMs, headers })
      const answer = await clusters.fetch(cluster, {
        ...options,
        method: 'POST',
        path,
        authority,
        body: unmeasured(request),
      })
      await answer.bytes()
    }
  }
}

export default defineTracer({
  name: 'envoy.tracers.opentelemetry',
  config: settingsOf<OpenTelemetrySettings>(),
  create: (settings, context) => new OpenTelemetryReporter(settings, builtIn.context(context)),
})
