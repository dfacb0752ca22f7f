/**
 * What built-in filters in TypeScript have native code do for them, by the rules of the rest of the proxy: matchers, formats, mutations,
 * descriptors of rate limits. The declaration makes a tool's text, the filter a `NativeTool` of it.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { ToolSchema } from '../generated/plan_pb.js'
import type { PlanInit } from './plan-context.js'

/** Opaque: native code knows it again. */
export interface NativeTool {
  readonly native: object
}

/** For settings, which are JSON. */
export function toolText(tool: PlanInit<typeof ToolSchema>): string {
  return Buffer.from(toBinary(ToolSchema, create(ToolSchema, tool))).toString('base64')
}

/** What a request counts as for one rate limit. */
export interface LimitDescriptor {
  readonly entries: readonly (readonly [key: string, value: string])[]
  /** In place of one. */
  readonly hits?: number
  readonly negative?: boolean
  /** Requests in a unit of envoy.type.v3.RateLimitUnit; unit 0: none. */
  readonly override: readonly [requests: number, unit: number]
  /** x-ratelimit headers: 0 as the filter has it, 1 never, 2 always. */
  readonly header: 0 | 1 | 2
}

export interface DescriptorChoice {
  readonly stage: number
  /** Limits of the virtual host: 0 unless the route has some, 1 always, 2 never. */
  readonly host: number
  /** Those for the end of the stream. */
  readonly isDone: boolean
}
