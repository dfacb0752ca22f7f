import type { HttpTarget } from '../common/http-target.js'

export interface GrpcExporter {
  readonly cluster: string
  readonly authority: string
  /** 0: none. */
  readonly timeoutMs: number
  readonly metadata: readonly (readonly [name: string, value: string])[]
}

/** What the declaration makes of OpenTelemetryConfig for the workers. */
export interface OpenTelemetrySettings {
  /** Neither: spans are made, and sent nowhere. */
  readonly http?: HttpTarget & { readonly timeoutMs: number }
  readonly grpc?: GrpcExporter
  readonly resource: readonly (readonly [name: string, value: string])[]
  /** As instrumentation scope; empty: none. */
  readonly scopeVersion: string
  readonly userAgent: string
  readonly most: number
}
