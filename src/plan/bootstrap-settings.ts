import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { encodePlan } from '../api/plan-encoder.js'
import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import { AccessLog_Sink, AccessLogSchema } from '../generated/plan_pb.js'
import type { Admin, Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { literalAddress, socketOptions } from './address.js'
import type { Compilation } from './compilation.js'
import type { AddressInit, SocketOptionInit, StringMatcherInit } from './init.js'
import { stringMatcher } from './matcher.js'
import { milliseconds } from './values.js'

/** Where and how the admin server listens. */
export interface AdminSettings {
  /** Undefined: no admin server. */
  readonly address: AddressInit | undefined
  readonly socketOptions: readonly SocketOptionInit[]
  /** Bytes of plan AccessLogs. */
  readonly accessLogs: readonly Uint8Array[]
  readonly profilePath: string
  /** Empty: every path. */
  readonly allowPaths: readonly StringMatcherInit[]
}

export function adminSettings(admin: Admin, at: Place, compilation: Compilation): AdminSettings {
  const logs = compilation.formats.accessLogs(admin.accessLog, at.field('access_log'))
  // Its own requests are none of the workers'.
  if (logs.some(({ sink }) => sink === AccessLog_Sink.SCRIPT))
    at.field('access_log').unsupported('an access logger in TypeScript for the admin server')
  if (admin.accessLogPath !== '') logs.push({ path: admin.accessLogPath })
  return {
    address: admin.address && literalAddress(admin.address, at.field('address')),
    socketOptions: socketOptions(admin.socketOptions),
    accessLogs: logs.map(log => encodePlan(AccessLogSchema, log)),
    profilePath: admin.profilePath || '/var/log/envoy/envoy.prof',
    allowPaths: admin.allowPaths.map((matcher, index) =>
      stringMatcher(matcher, at.field('allow_paths').item(index), compilation.checkRegex),
    ),
  }
}

export interface StatsSettings {
  /** envoy.config.metrics.v3.StatsConfig in proto JSON; undefined when the bootstrap has none. */
  readonly config: JsonObject | undefined
  readonly flushIntervalMs: number
  readonly flushOnAdmin: boolean
  readonly serverVersionOverride: bigint | undefined
}

const defaultFlushInterval = 5_000

export function statsSettings(bootstrap: Bootstrap, at: Place, types: Types): StatsSettings {
  const schema = bootstrap.statsConfig && types.message(bootstrap.statsConfig.$typeName)
  return {
    config:
      bootstrap.statsConfig && schema
        ? (toJson(schema, bootstrap.statsConfig, { registry: types.registry, useProtoFieldName: true }) as JsonObject)
        : undefined,
    flushIntervalMs: milliseconds(bootstrap.statsFlushInterval, defaultFlushInterval, at.field('stats_flush_interval')),
    flushOnAdmin: bootstrap.statsFlush.case === 'statsFlushOnAdmin' && bootstrap.statsFlush.value,
    serverVersionOverride: bootstrap.statsServerVersionOverride,
  }
}
