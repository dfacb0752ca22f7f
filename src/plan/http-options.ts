import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { Http1Options_HeaderCase } from '../generated/plan_pb.js'
import type {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  HttpProtocolOptions,
} from '../generated/protos/envoy/config/core/v3/protocol_pb.js'
import type { PreserveCaseFormatterConfig } from '../generated/protos/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js'
import { isMessage, type UnpackedAny } from '../config/index.js'
import type { Http1Init, Http2Init, HttpCommonInit } from './init.js'
import { type RegexCheck, stringMatcher } from './matcher.js'
import { milliseconds } from './values.js'

const oneHour = 3_600_000
const defaultMaxHeaders = 100

export interface HttpOptionTools {
  readonly checkRegex: RegexCheck
  unpack(any: Any, at: Place): Omit<UnpackedAny, 'typeUrl'> | undefined
}

/** HttpProtocolOptions of either side, defaults applied. */
export function httpCommon(options: HttpProtocolOptions | undefined, at: Place): HttpCommonInit {
  return {
    idleTimeoutMs: milliseconds(options?.idleTimeout, oneHour, at.field('idle_timeout')),
    maxConnectionDurationMs: milliseconds(options?.maxConnectionDuration, 0, at.field('max_connection_duration')),
    maxConnectionDurationJitter: options?.maxConnectionDurationJitter?.value ?? 0,
    maxHeadersCount: options?.maxHeadersCount ?? defaultMaxHeaders,
    maxResponseHeadersKb: options?.maxResponseHeadersKb ?? 0,
    maxStreamDurationMs: milliseconds(options?.maxStreamDuration, 0, at.field('max_stream_duration')),
    headersWithUnderscores: options?.headersWithUnderscoresAction ?? 0,
    maxRequestsPerConnection: options?.maxRequestsPerConnection ?? 0,
  }
}

export function http1Options(options: Http1ProtocolOptions | undefined, at: Place, tools: HttpOptionTools): Http1Init {
  if (!options) return { allowAbsoluteUrl: true }
  return {
    allowAbsoluteUrl: options.allowAbsoluteUrl ?? true,
    acceptHttp10: options.acceptHttp10,
    defaultHostForHttp10: options.defaultHostForHttp10,
    enableTrailers: options.enableTrailers,
    allowChunkedLength: options.allowChunkedLength,
    streamErrorOnInvalidMessage: options.overrideStreamErrorOnInvalidHttpMessage ?? false,
    sendFullyQualifiedUrl: options.sendFullyQualifiedUrl,
    allowCustomMethods: options.allowCustomMethods,
    ignoreUpgrade: options.ignoreHttp11Upgrade.map((matcher, index) =>
      stringMatcher(matcher, at.field('ignore_http_11_upgrade').item(index), tools.checkRegex),
    ),
    ...headerCase(options, at.field('header_key_format'), tools),
  }
}

const mebibyte = 1024 * 1024
const idOfPush = 2
const idOfConnectProtocol = 8
const defaultJitterPercent = 15

/**
 * Http2ProtocolOptions of either side, Envoy's defaults applied; undefined where those hold throughout. `streamError`: what the
 * connection manager says of invalid messages.
 */
export function http2Options(
  options: Http2ProtocolOptions | undefined,
  at: Place,
  streamError = false,
): Http2Init | undefined {
  if (!options && !streamError) return undefined
  return {
    hpackTableSize: options?.hpackTableSize ?? 4096,
    maxConcurrentStreams: options?.maxConcurrentStreams ?? 1024,
    initialStreamWindow: options?.initialStreamWindowSize ?? 16 * mebibyte,
    initialConnectionWindow: options?.initialConnectionWindowSize ?? 24 * mebibyte,
    allowConnect: options?.allowConnect ?? false,
    allowMetadata: options?.allowMetadata ?? false,
    maxMetadataSize: Number(options?.maxMetadataSize ?? mebibyte),
    disallowObsText: options?.disallowObsText ?? false,
    maxOutboundFrames: options?.maxOutboundFrames ?? 10_000,
    maxOutboundControlFrames: options?.maxOutboundControlFrames ?? 1000,
    maxConsecutiveEmptyFrames: options?.maxConsecutiveInboundFramesWithEmptyPayload ?? 1,
    maxPriorityFramesPerStream: options?.maxInboundPriorityFramesPerStream ?? 100,
    maxWindowUpdatesPerDataFrame: options?.maxInboundWindowUpdateFramesPerDataFrameSent ?? 10,
    streamErrorOnInvalidMessage:
      options?.overrideStreamErrorOnInvalidHttpMessage ?? (options?.streamErrorOnInvalidHttpMessaging || streamError),
    disableHuffman: options?.enableHuffmanEncoding === false,
    ...(options && keepalive(options, at.field('connection_keepalive'))),
    ...(options && customSettings(options, at.field('custom_settings_parameters'))),
  }
}

function keepalive(options: Http2ProtocolOptions, at: Place): Http2Init {
  const settings = options.connectionKeepalive
  if (!settings) return {}
  return {
    keepaliveIntervalMs: milliseconds(settings.interval, 0, at.field('interval')),
    keepaliveTimeoutMs: milliseconds(settings.timeout, 0, at.field('timeout')),
    keepaliveJitterPercent: Math.round(settings.intervalJitter?.value ?? defaultJitterPercent),
    connectionIdleIntervalMs: milliseconds(settings.connectionIdleInterval, 0, at.field('connection_idle_interval')),
  }
}

/** SETTINGS without a field of their own; those that have one, or that we do not mean, are refused as Envoy refuses them. */
function customSettings(options: Http2ProtocolOptions, at: Place): Http2Init {
  const named = new Map<number, boolean>([
    [1, options.hpackTableSize !== undefined],
    [3, options.maxConcurrentStreams !== undefined],
    [4, options.initialStreamWindowSize !== undefined],
  ])
  const seen = new Map<number, number>()
  const collisions = new Set<number>()
  const inconsistent = new Set<number>()
  for (const [index, { identifier = 0, value = 0 }] of options.customSettingsParameters.entries()) {
    const place = at.item(index)
    if (identifier === idOfPush && value === 1)
      place.error('server push is not supported by Envoy and can not be enabled via a SETTINGS parameter.')
    if (identifier === idOfConnectProtocol)
      place.error('the "allow_connect" SETTINGS parameter must only be configured through the named field')
    if (named.get(identifier)) collisions.add(identifier)
    if ((seen.get(identifier) ?? value) !== value) inconsistent.add(identifier)
    seen.set(identifier, value)
  }
  const hex = (ids: Iterable<number>): string => [...ids].map(id => `0x${id.toString(16)}`).join(',')
  if (inconsistent.size > 0)
    at.error(`inconsistent HTTP/2 custom SETTINGS parameter(s) detected; identifiers = {${hex(inconsistent)}}`)
  if (collisions.size > 0)
    at.error(
      `the {${hex(collisions)}} HTTP/2 SETTINGS parameter(s) can not be configured through both named and custom parameters`,
    )
  return { customSettingIds: [...seen.keys()], customSettingValues: [...seen.values()] }
}

function headerCase(options: Http1ProtocolOptions, at: Place, tools: HttpOptionTools): Http1Init {
  const format = options.headerKeyFormat?.headerFormat
  if (format?.case === 'properCaseWords') return { headerCase: Http1Options_HeaderCase.PROPER }
  if (format?.case !== 'statefulFormatter') return {}
  const inFormatter = at.field('stateful_formatter')
  if (!format.value.typedConfig) {
    inFormatter.error(`Didn't find a registered implementation for '${format.value.name}' without a typed_config`)
    return {}
  }
  const config = tools.unpack(format.value.typedConfig, inFormatter.field('typed_config'))?.message
  if (
    !config ||
    !isMessage<PreserveCaseFormatterConfig>(
      config,
      'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
    )
  )
    return {}
  return { headerCase: Http1Options_HeaderCase.PRESERVE, preserveForwardReasonPhrase: config.forwardReasonPhrase }
}
