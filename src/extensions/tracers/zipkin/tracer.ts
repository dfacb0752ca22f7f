import { networkInterfaces } from 'node:os'
import { type BuiltInContext, builtIn } from '../../../api/built-in.js'
import { ClusterError } from '../../../api/clusters.js'
import type { Counter, FilterContext } from '../../../api/context.js'
import { defineTracer, type SpanRecord, type TracerHooks } from '../../../api/tracer.js'
import { settingsOf } from '../../../api/typescript-filter.js'
import { SpanBatches } from '../common/batches.js'
import { unmeasured } from '../common/body.js'
import { type EncodeOptions, encodeJson, encodeProto } from './encode.js'
import type { ZipkinSettings } from './settings.js'

const prefix = 'tracing.zipkin'
const defaultTimeoutMs = 5_000
const accepted = 202

/** Sends spans to a Zipkin collector. */
class ZipkinReporter implements TracerHooks {
  readonly #settings: ZipkinSettings
  readonly #context: FilterContext & BuiltInContext
  readonly #encoding: EncodeOptions
  readonly #batches: SpanBatches<SpanRecord>
  readonly #reports: Readonly<Record<'dropped' | 'failed' | 'sent' | 'skipped_no_cluster', Counter>>

  constructor(settings: ZipkinSettings, context: FilterContext & BuiltInContext) {
    this.#settings = settings
    this.#context = context
    this.#encoding = {
      endpoint: { serviceName: settings.serviceName, ipv4: ownAddress() },
      isShared: settings.isShared,
    }
    const counter = (name: string) => context.counter(`${prefix}.reports_${name}`)
    this.#reports = {
      dropped: counter('dropped'),
      failed: counter('failed'),
      sent: counter('sent'),
      skipped_no_cluster: counter('skipped_no_cluster'),
    }
    this.#batches = new SpanBatches({ context, prefix, send: spans => void this.#send(spans) })
  }

  report(span: SpanRecord): void {
    this.#batches.add(span)
  }

  async #send(spans: readonly SpanRecord[]): Promise<void> {
    const { cluster, path, authority, format, headers } = this.#settings
    const isJson = format === 'json'
    const options = builtIn.options({
      timeoutMs: this.#context.runtimeInteger(`${prefix}.request_timeout`, defaultTimeoutMs),
      headers: new Map([['content-type', isJson ? 'application/json' : 'application/x-protobuf'], ...headers]),
    })
    try {
      const body = isJson ? encodeJson(spans, this.#encoding) : encodeProto(spans, this.#encoding)
      const request = { method: 'POST', path, authority, body: unmeasured(body) }
      const answer = await this.#context.clusters.fetch(cluster, { ...options, ...request })
      await answer.bytes()
      this.#reports[answer.status === accepted ? 'sent' : 'dropped'].inc()
    } catch (error) {
      const isMissing = error instanceof ClusterError && error.code === 'no-cluster'
      this.#reports[isMissing ? 'skipped_no_cluster' : 'failed'].inc()
    }
  }
}

/** The first IPv4 address that is not loopback; loopback when there is none. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flat()
  return all.find(address => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1'
}

export default defineTracer({
  name: 'envoy.tracers.zipkin',
  config: settingsOf<ZipkinSettings>(),
  create: (settings, context) => new ZipkinReporter(settings, builtIn.context(context)),
})
