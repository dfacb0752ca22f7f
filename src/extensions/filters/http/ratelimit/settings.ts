import type { GrpcTarget } from '../common/grpc-config.js'

/** What the declaration of ratelimit tells the filter. Texts called `…Tool` are those of native tools. */
export interface Settings {
  readonly service: GrpcTarget
  readonly domain: string
  readonly stage: number
  /** Which requests are counted. */
  readonly requests: 'internal' | 'external' | 'both'
  readonly deniesOnFailure: boolean
  /** Empty: as `deniesOnFailure`. */
  readonly failureTool: string
  readonly isResourceExhausted: boolean
  readonly headers: boolean
  readonly retryAfter: boolean
  readonly tellsLimited: boolean
  readonly limitedStatus: number
  readonly errorStatus: number
  /** Of a refusal's head. */
  readonly responseTool: string
  readonly enabledTool: string
  readonly enforcedTool: string
  /** The filter's own limits; empty: those of routes. */
  readonly limitsTool: string
  readonly metadataNamespace: string
  /** Before the names of statistics: "ratelimit." or "ratelimit.mine.". */
  readonly statPrefix: string
}

export interface RouteSettings {
  readonly host: number
  readonly limitsTool: string
  /** Empty: the filter's. */
  readonly domain: string
}
