import { create, type Message, toBinary } from '@bufbuild/protobuf'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import {
  HttpConnectionManager_ClientCert as ClientCert,
  HttpConnectionManager_CodecType as PlanCodec,
  HttpConnectionManager_EscapedSlashes as EscapedSlashes,
  HttpConnectionManager_ServerHeader as PlanServerHeader,
  HttpConnectionManagerSchema,
} from '../../../../generated/plan_pb.js'
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManager_ForwardClientCertDetails as ForwardCert,
  HttpConnectionManager_PathWithEscapedSlashesAction as SlashAction,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  type ResponseMapper,
  type ScopedRoutes,
} from '../../../../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { UuidRequestIdConfig } from '../../../../generated/protos/envoy/extensions/request_id/uuid/v3/uuid_pb.js'

import { earlyMutations, ipDetections } from './early-extensions.js'

type ManagerInit = PlanInit<typeof HttpConnectionManagerSchema>

const streamIdle = 300_000
const drain = 5_000
const delayedClose = 1_000

export function connectionManagerPlan(config: HttpConnectionManager, context: PlanContext): Uint8Array {
  const plan: ManagerInit = {
    codecType: codecType(config, context),
    statPrefix: config.statPrefix,
    ...(config.routeSpecifier.case === 'routeConfig' && {
      routeTableSlot: context.routeTable(config.routeSpecifier.value, context.field('route_config')),
      // Virtual hosts that come on demand come to connections of former listeners too.
      ownRoutes: config.routeSpecifier.value.vhds === undefined,
    }),
    ...(config.routeSpecifier.case === 'rds' && {
      routeTableSlot: context.discoveredRoutes(config.routeSpecifier.value, context.field('rds'), config.statPrefix),
    }),
    ...(config.routeSpecifier.case === 'scopedRoutes' &&
      scopes(config.routeSpecifier.value, config.statPrefix, context)),
    httpFilters: context.httpFilters(config.httpFilters, context.field('http_filters'), undefined, config.statPrefix),
    common: context.httpCommon(config.commonHttpProtocolOptions, context.field('common_http_protocol_options')),
    ...codecOptions(config, context),
    ...identity(config, context),
    ...timeouts(config, context),
    ...accessLogging(config, context),
    ...addresses(config, context),
    ...requestIds(config, context),
    ...(config.tracing && { tracing: context.tracing(config.tracing, context.field('tracing')) }),
    ...paths(config, context),
    ...clientCertificates(config),
    upgrades: upgrades(config, context),
    ...localReplies(config, context),
    proxy100Continue: config.proxy100Continue,
    appendLocalOverload: config.appendLocalOverload,
  }
  return toBinary(HttpConnectionManagerSchema, create(HttpConnectionManagerSchema, plan))
}

function scopes(config: ScopedRoutes, statPrefix: string, context: PlanContext): ManagerInit {
  const scopedRoutes = context.scopedRoutes(config, context.field('scoped_routes'), statPrefix)
  return scopedRoutes ? { scopedRoutes } : {}
}

function codecType(config: HttpConnectionManager, context: PlanContext): PlanCodec {
  if (config.codecType === CodecType.HTTP3) context.field('codec_type').unsupported('HTTP/3 downstream')
  return codecs[config.codecType]
}

const codecs: Readonly<Record<CodecType, PlanCodec>> = {
  [CodecType.AUTO]: PlanCodec.AUTO,
  [CodecType.HTTP1]: PlanCodec.HTTP1,
  [CodecType.HTTP2]: PlanCodec.HTTP2,
  [CodecType.HTTP3]: PlanCodec.HTTP3,
}

function codecOptions(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const http1 = context.http1(config.httpProtocolOptions, context.field('http_protocol_options'))
  const streamError = config.streamErrorOnInvalidHttpMessage ?? false
  const http2 = context.http2(config.http2ProtocolOptions, context.field('http2_protocol_options'), streamError)
  return {
    http1: {
      ...http1,
      streamErrorOnInvalidMessage: config.httpProtocolOptions?.overrideStreamErrorOnInvalidHttpMessage ?? streamError,
    },
    ...(http2 && { http2 }),
    streamErrorOnInvalidMessage: streamError,
    maxRequestHeadersKb: config.maxRequestHeadersKb ?? 60,
    http1SafeMaxConnectionDuration: config.http1SafeMaxConnectionDuration ? 1 : 0,
  }
}

const serverHeaders: Readonly<Record<ServerHeader, PlanServerHeader>> = {
  [ServerHeader.OVERWRITE]: PlanServerHeader.OVERWRITE,
  [ServerHeader.APPEND_IF_ABSENT]: PlanServerHeader.APPEND_IF_ABSENT,
  [ServerHeader.PASS_THROUGH]: PlanServerHeader.PASS_THROUGH,
}

/** What the proxy calls itself. */
function identity(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const scheme = config.schemeHeaderTransformation
  return {
    serverName: config.serverName || 'envoy',
    serverHeader: serverHeaders[config.serverHeaderTransformation],
    via: config.via,
    addUserAgent: config.addUserAgent ?? false,
    serviceCluster: context.node.cluster,
    serviceNode: context.node.id,
    schemeOverwrite: scheme?.transformation.case === 'schemeToOverwrite' ? scheme.transformation.value : '',
    schemeMatchUpstream: scheme?.matchUpstream ?? false,
  }
}

function timeouts(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const idle = context.milliseconds(config.streamIdleTimeout, streamIdle, context.field('stream_idle_timeout'))
  return {
    streamIdleTimeoutMs: idle,
    requestTimeoutMs: context.milliseconds(config.requestTimeout, 0, context.field('request_timeout')),
    requestHeadersTimeoutMs: context.milliseconds(
      config.requestHeadersTimeout,
      0,
      context.field('request_headers_timeout'),
    ),
    drainTimeoutMs: context.milliseconds(config.drainTimeout, drain, context.field('drain_timeout')),
    delayedCloseTimeoutMs: context.milliseconds(
      config.delayedCloseTimeout,
      delayedClose,
      context.field('delayed_close_timeout'),
    ),
    streamFlushTimeoutMs: context.milliseconds(config.streamFlushTimeout, idle, context.field('stream_flush_timeout')),
  }
}

function accessLogging(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const options = config.accessLogOptions
  const place = context.field('access_log_options')
  if (options && config.accessLogFlushInterval)
    place.error('Only one of access_log_flush_interval or access_log_options can be specified.')
  if (options && config.flushAccessLogOnNewRequest)
    place.error('Only one of flush_access_log_on_new_request or access_log_options can be specified.')
  const interval = options ? options.accessLogFlushInterval : config.accessLogFlushInterval
  return {
    accessLogs: context.accessLogs(config.accessLog, context.field('access_log')),
    accessLogFlushIntervalMs: context.milliseconds(interval, 0, place.field('access_log_flush_interval')),
    flushAccessLogOnNewRequest: options ? options.flushAccessLogOnNewRequest : config.flushAccessLogOnNewRequest,
  }
}

function addresses(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const internal = config.internalAddressConfig
  return {
    useRemoteAddress: config.useRemoteAddress ?? false,
    xffNumTrustedHops: config.xffNumTrustedHops,
    skipXffAppend: config.skipXffAppend,
    internalUnixSockets: internal?.unixSockets ?? false,
    internalCidrs: context.cidrRanges(
      internal?.cidrRanges ?? [],
      context.field('internal_address_config').field('cidr_ranges'),
    ),
    ipDetections: ipDetections(config, context),
    earlyMutations: earlyMutations(config.earlyHeaderMutationExtensions, context),
    representIpv4AsMappedIpv6: config.representIpv4RemoteAddressAsIpv4MappedIpv6,
    appendXForwardedPort: config.appendXForwardedPort,
    httpsDestinationPorts: config.forwardProtoConfig?.httpsDestinationPorts ?? [],
    httpDestinationPorts: config.forwardProtoConfig?.httpDestinationPorts ?? [],
  }
}

function requestIds(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const any = config.requestIdExtension?.typedConfig
  const extension = any && context.unpack(any, context.field('request_id_extension').field('typed_config'))
  const isUuid = extension?.typeName === 'envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig'
  const uuid = isUuid ? (extension.message as Message & UuidRequestIdConfig) : undefined
  return {
    generateRequestId: config.generateRequestId ?? true,
    preserveExternalRequestId: config.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: config.alwaysSetRequestIdInResponse,
    packTraceReason: uuid?.packTraceReason ?? true,
    ...(config.tracing && { sampleByRequestId: uuid?.useRequestIdForTraceSampling ?? true }),
  }
}

const slashActions: Readonly<Record<SlashAction, EscapedSlashes>> = {
  [SlashAction.IMPLEMENTATION_SPECIFIC_DEFAULT]: EscapedSlashes.KEEP_UNCHANGED,
  [SlashAction.KEEP_UNCHANGED]: EscapedSlashes.KEEP_UNCHANGED,
  [SlashAction.REJECT_REQUEST]: EscapedSlashes.REJECT_REQUEST,
  [SlashAction.UNESCAPE_AND_REDIRECT]: EscapedSlashes.UNESCAPE_AND_REDIRECT,
  [SlashAction.UNESCAPE_AND_FORWARD]: EscapedSlashes.UNESCAPE_AND_FORWARD,
}

/** Paths and host names; two of the defaults are the runtime's. */
function paths(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const stripsAny = config.stripPortMode.case === 'stripAnyHostPort' && config.stripPortMode.value
  if (stripsAny && config.stripMatchingHostPort)
    context.error('Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.')
  const fromRuntime = Number(context.runtime('http_connection_manager.path_with_escaped_slashes_action') ?? 0)
  const isDefault = config.pathWithEscapedSlashesAction === SlashAction.IMPLEMENTATION_SPECIFIC_DEFAULT
  const action = isDefault ? (fromRuntime as SlashAction) : config.pathWithEscapedSlashesAction
  return {
    normalizePath:
      config.normalizePath ?? Number(context.runtime('http_connection_manager.normalize_path') ?? 0) >= 100,
    mergeSlashes: config.mergeSlashes,
    escapedSlashes: slashActions[action] ?? EscapedSlashes.KEEP_UNCHANGED,
    stripMatchingHostPort: config.stripMatchingHostPort,
    stripAnyHostPort: stripsAny,
    stripTrailingHostDot: config.stripTrailingHostDot,
  }
}

const forwardCerts: Readonly<Record<ForwardCert, ClientCert>> = {
  [ForwardCert.SANITIZE]: ClientCert.SANITIZE,
  [ForwardCert.FORWARD_ONLY]: ClientCert.FORWARD_ONLY,
  [ForwardCert.APPEND_FORWARD]: ClientCert.APPEND_FORWARD,
  [ForwardCert.SANITIZE_SET]: ClientCert.SANITIZE_SET,
  [ForwardCert.ALWAYS_FORWARD_ONLY]: ClientCert.ALWAYS_FORWARD_ONLY,
}

function clientCertificates(config: HttpConnectionManager): ManagerInit {
  const details = config.setCurrentClientCertDetails
  const wanted: readonly (readonly [string, boolean | undefined])[] = [
    ['subject', details?.subject],
    ['cert', details?.cert],
    ['chain', details?.chain],
    ['dns', details?.dns],
    ['uri', details?.uri],
  ]
  return {
    clientCert: forwardCerts[config.forwardClientCertDetails],
    clientCertDetails: wanted.flatMap(([name, isWanted]) => (isWanted ? [name] : [])),
  }
}

function upgrades(config: HttpConnectionManager, context: PlanContext): ManagerInit['upgrades'] & object {
  const seen = new Set<string>()
  return config.upgradeConfigs.map((upgrade, index) => {
    const place = context.field('upgrade_configs').item(index)
    const type = upgrade.upgradeType.toLowerCase()
    if (seen.has(type))
      place.field('upgrade_type').error(`Error: multiple upgrade configs with the same name: '${upgrade.upgradeType}'`)
    seen.add(type)
    if (type === 'connect-udp') place.field('upgrade_type').unsupported('CONNECT-UDP')
    return {
      type,
      enabled: upgrade.enabled ?? true,
      filters: context.httpFilters(upgrade.filters, place.field('filters'), 'http upgrade filter chain'),
    }
  })
}

function localReplies(config: HttpConnectionManager, context: PlanContext): ManagerInit {
  const replies = config.localReplyConfig
  if (!replies) return {}
  const place = context.field('local_reply_config')
  const format = replies.bodyFormat && context.bodyFormat(replies.bodyFormat, place.field('body_format'))
  return {
    localReplyMappers: replies.mappers.map((mapper, index) =>
      responseMapper(mapper, context, place.field('mappers').item(index)),
    ),
    ...(format && { localReplyFormat: format }),
  }
}

function responseMapper(
  mapper: ResponseMapper,
  context: PlanContext,
  at: Place,
): NonNullable<ManagerInit['localReplyMappers']>[number] {
  const filter = mapper.filter && context.accessLogFilter(mapper.filter, at.field('filter'))
  const body = context.dataSource(mapper.body, at.field('body'))
  const format =
    mapper.bodyFormatOverride && context.bodyFormat(mapper.bodyFormatOverride, at.field('body_format_override'))
  return {
    ...(filter && { filter }),
    statusCode: mapper.statusCode,
    body: body && Buffer.from(body).toString('utf8'),
    ...(format && { bodyFormat: format }),
    headers: context.headersToAdd(mapper.headersToAdd, at.field('headers_to_add')),
  }
}
