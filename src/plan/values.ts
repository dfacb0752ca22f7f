import type { JsonObject } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { canonicalJson } from './format.js'
import type { Metadata } from '../generated/protos/envoy/config/core/v3/base_pb.js'

const maxSeconds = 9_223_372_036n // what fits into 64 bits of nanoseconds
const maxMilliseconds = 0xffff_ffff // 49 days; plans count in 32 bits

/** Whole milliseconds, fractions cut off as in Envoy, so a timeout of 0.5 ms is 0: off. `missing` when the duration is not set. */
export function milliseconds<T>(duration: Duration | undefined, missing: T, at: Place): number | T {
  if (!duration) return missing
  if (duration.seconds < 0n || duration.nanos < 0) at.error('Invalid duration: Expected positive duration')
  if (duration.seconds > maxSeconds) at.error('Invalid duration: Duration out-of-range')
  return Math.min(Math.max(0, Number(duration.seconds) * 1000 + Math.trunc(duration.nanos / 1e6)), maxMilliseconds)
}

/** The filter_metadata of a Metadata as JSON text, as access logs print it, namespaces as keys; empty when there is none. */
export function metadataJson(metadata: Metadata | undefined): string {
  const entries: Record<string, JsonObject> = metadata?.filterMetadata ?? {}
  return Object.keys(entries).length === 0 ? '' : canonicalJson(entries)
}
