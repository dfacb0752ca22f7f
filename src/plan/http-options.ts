import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { Http1Options_HeaderCase } from '../generated/plan_pb.js'
import type { Http1ProtocolOptions, HttpProtocolOptions } from '../generated/protos/envoy/config/core/v3/protocol_pb.js'
import type { PreserveCaseFormatterConfig } from '../generated/protos/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js'
import { isMessage, type UnpackedAny } from '../config/index.js'
import type { Http1Init, HttpCommonInit } from './init.js'
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
