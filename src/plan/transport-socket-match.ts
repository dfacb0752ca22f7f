import type { JsonObject } from '@bufbuild/protobuf'
import { isDeepStrictEqual } from 'node:util'
import type { Metadata } from '../generated/protos/envoy/config/core/v3/base_pb.js'

/** The criteria of a cluster's transport_socket_matches, in order. */
export type SocketMatches = readonly { readonly match?: JsonObject | undefined }[]

const filterName = 'envoy.transport_socket_match'

/**
 * Which of a cluster's transport_socket_matches an endpoint takes, by its metadata and its locality's: 0 for none (the cluster's own
 * transport socket), else its position from 1. The first that fits wins; the endpoint's own metadata is looked at before its locality's.
 */
export function transportSocketOf(
  matches: SocketMatches,
  endpoint: Metadata | undefined,
  locality: Metadata | undefined,
): number {
  const fits = (labels: JsonObject, metadata: Metadata | undefined): boolean => {
    const values: JsonObject = metadata?.filterMetadata[filterName] ?? {}
    return Object.entries(labels).every(([key, value]) => isDeepStrictEqual(values[key], value))
  }
  return matches.findIndex(({ match = {} }) => fits(match, endpoint) || fits(match, locality)) + 1
}
