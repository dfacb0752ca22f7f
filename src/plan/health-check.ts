import type { JsonObject, Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { isMessage } from '../config/index.js'
import { HeaderMutation_Action, Operator, StringMatcher_Kind } from '../generated/plan_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { HeaderValueOption } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import { RequestMethod } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  HealthCheck,
  HealthCheck_GrpcHealthCheck as GrpcHealthCheck,
  HealthCheck_HttpHealthCheck as HttpHealthCheck,
  HealthCheck_Payload as Payload,
  HealthCheck_TcpHealthCheck as TcpHealthCheck,
} from '../generated/protos/envoy/config/core/v3/health_check_pb.js'
import type { SocketAddress } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import { ProxyProtocolConfig_Version } from '../generated/protos/envoy/config/core/v3/proxy_protocol_pb.js'
import type { LbEndpoint } from '../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { HealthCheckEventFileSink } from '../generated/protos/envoy/extensions/health_check/event_sinks/file/v3/file_pb.js'
import { CodecClientType } from '../generated/protos/envoy/type/v3/http_pb.js'
import type { Int64Range } from '../generated/protos/envoy/type/v3/range_pb.js'
import { literalAddress } from './address.js'
import type {
  GrpcCheck,
  HeaderChange,
  HealthCheckPlan,
  HealthLog,
  HttpCheck,
  MemberCheck,
  StatusRange,
  TcpCheck,
} from './health-check-plan.js'
import { type FormatParser, headerAddition, headerRemoval } from './header-mutation.js'
import { type RegexCheck, stringMatcher } from './matcher.js'
import type { TextPattern } from '../stats/settings.js'
import { transportSocketOf } from './transport-socket-match.js'
import { milliseconds } from './values.js'

export interface HealthCheckTools {
  readonly checkRegex: RegexCheck
  readonly format: FormatParser
  /** Undefined: it was refused. */
  unpack(any: Any, at: Place): { readonly message: Message } | undefined
  /** The cluster speaks HTTP/2 to its hosts. */
  readonly isHttp2: boolean
  /** A connection to its hosts is a TCP connection and nothing more. */
  readonly isPlain: boolean
  /** Connections to its hosts begin with a PROXY header. */
  readonly isProxied: boolean
}

const defaultNoTrafficMs = 60_000
const defaultResponseBuffer = 1024

/** The active health checks of a cluster; undefined when it has none, or what it has was refused. */
export function healthCheckPlan(cluster: Cluster, at: Place, tools: HealthCheckTools): HealthCheckPlan | undefined {
  const inChecks = at.field('health_checks')
  const [config, ...more] = cluster.healthChecks
  if (!config) return undefined
  if (more.length > 0) {
    inChecks.error('several health checks of one cluster are not supported yet')
    return undefined
  }
  const place = inChecks.item(0)
  if (tools.isProxied) place.error('health checks through the PROXY protocol transport are not supported yet')
  const check = checkOf(config, place, tools)
  if (!check) return undefined
  const ms = (field: string, duration: HealthCheck['timeout'], missing: number) =>
    milliseconds(duration, missing, place.field(field))
  const healthyMs = ms('interval', config.interval, 0)
  const unhealthyMs = ms('unhealthy_interval', config.unhealthyInterval, healthyMs)
  const noTrafficMs = ms('no_traffic_interval', config.noTrafficInterval, defaultNoTrafficMs)
  const criteria = config.transportSocketMatchCriteria
  return {
    timeoutMs: ms('timeout', config.timeout, 0),
    intervals: {
      healthyMs,
      unhealthyMs,
      healthyEdgeMs: ms('healthy_edge_interval', config.healthyEdgeInterval, healthyMs),
      unhealthyEdgeMs: ms('unhealthy_edge_interval', config.unhealthyEdgeInterval, unhealthyMs),
      noTrafficMs,
      noTrafficHealthyMs: ms('no_traffic_healthy_interval', config.noTrafficHealthyInterval, noTrafficMs),
    },
    initialJitterMs: ms('initial_jitter', config.initialJitter, 0),
    jitterMs: ms('interval_jitter', config.intervalJitter, 0),
    jitterPercent: config.intervalJitterPercent,
    unhealthyThreshold: config.unhealthyThreshold ?? 0,
    healthyThreshold: config.healthyThreshold ?? 0,
    reusesConnection: config.reuseConnection ?? true,
    check,
    log: logOf(config, place, tools),
    alpn: config.tlsOptions?.alpnProtocols ?? [],
    ...(criteria && { transportSocket: socketByCriteria(cluster, criteria) }),
    isPlain: tools.isPlain,
    ignoresNewHosts: cluster.commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
    ignoresHealthOnRemoval: cluster.ignoreHealthOnHostRemoval,
  }
}

function checkOf(config: HealthCheck, at: Place, tools: HealthCheckTools): HealthCheckPlan['check'] | undefined {
  const { healthChecker } = config
  switch (healthChecker.case) {
    case 'httpHealthCheck':
      return httpCheck(healthChecker.value, at.field('http_health_check'), tools)
    case 'tcpHealthCheck':
      return tcpCheck(healthChecker.value, at.field('tcp_health_check'))
    case 'grpcHealthCheck':
      if (!tools.isHttp2) at.error('cluster must support HTTP/2 for gRPC healthchecking')
      return grpcCheck(healthChecker.value, at.field('grpc_health_check'), tools)
    default:
      return undefined // refused by the field policy, or by validation
  }
}

function httpCheck(config: HttpHealthCheck, at: Place, tools: HealthCheckTools): HttpCheck {
  const method = RequestMethod[config.method === RequestMethod.METHOD_UNSPECIFIED ? RequestMethod.GET : config.method]
  if (config.send && !['POST', 'PUT', 'PATCH', 'OPTIONS'].includes(method))
    at.field('send').error(
      `HTTP health check cannot specify a request payload with method '${method}'. Only methods that support a request body (POST, PUT, PATCH, OPTIONS) can be used with payload`,
    )
  if (config.codecClientType === CodecClientType.HTTP3)
    at.field('codec_client_type').error('HTTP/3 is not supported yet')
  const expected = ranges(config.expectedStatuses, 'expected', at.field('expected_statuses'))
  return {
    kind: 'http',
    isHttp2: config.codecClientType === CodecClientType.HTTP2,
    method,
    path: config.path,
    host: config.host,
    send: payload(config.send, at.field('send')),
    receive: payloads(config.receive, at.field('receive')),
    responseBufferBytes: Number(config.responseBufferSize ?? defaultResponseBuffer),
    expected: expected.length === 0 ? [{ start: 200, end: 201 }] : expected,
    retriable: ranges(config.retriableStatuses, 'retriable', at.field('retriable_statuses')),
    headers: headerChanges(config.requestHeadersToAdd, at.field('request_headers_to_add'), tools.format),
    removedHeaders: config.requestHeadersToRemove.flatMap(
      (name, index) => headerRemoval(name, at.field('request_headers_to_remove').item(index)).name ?? [],
    ),
    ...(config.serviceNameMatcher && {
      serviceName: textMatcher(config.serviceNameMatcher, at.field('service_name_matcher'), tools.checkRegex),
    }),
  }
}

function tcpCheck(config: TcpHealthCheck, at: Place): TcpCheck {
  const proxy = config.proxyProtocolConfig
  return {
    kind: 'tcp',
    send: payload(config.send, at.field('send')),
    receive: payloads(config.receive, at.field('receive')),
    proxyProtocol: proxy === undefined ? 0 : proxy.version === ProxyProtocolConfig_Version.V1 ? 1 : 2,
  }
}

function grpcCheck(config: GrpcHealthCheck, at: Place, tools: HealthCheckTools): GrpcCheck {
  return {
    kind: 'grpc',
    serviceName: config.serviceName,
    authority: config.authority,
    headers: headerChanges(config.initialMetadata, at.field('initial_metadata'), tools.format),
  }
}

function payload(config: Payload | undefined, at: Place): Uint8Array {
  if (config?.payload.case === 'binary') return config.payload.value
  if (config?.payload.case !== 'text') return new Uint8Array(0)
  const text = config.payload.value
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) at.field('text').error(`invalid hex string '${text}'`)
  return new Uint8Array(Buffer.from(text, 'hex'))
}

const payloads = (all: readonly Payload[], at: Place): Uint8Array[] =>
  all.map((one, index) => payload(one, at.item(index)))

function ranges(all: readonly Int64Range[], what: string, at: Place): StatusRange[] {
  return all.map(({ start, end }, index) => {
    const wrong = (why: string) => at.item(index).error(`Invalid http ${what} status range: ${why}`)
    if (start >= end) wrong(`expecting start < end, but found start=${start} and end=${end}`)
    else if (start < 100n) wrong(`expecting start >= 100, but found start=${start}`)
    else if (end > 600n) wrong(`expecting end <= 600, but found end=${end}`)
    return { start: Number(start), end: Number(end) }
  })
}

const actions: Readonly<Record<number, HeaderChange['action']>> = {
  [HeaderMutation_Action.APPEND_IF_EXISTS_OR_ADD]: 'append',
  [HeaderMutation_Action.ADD_IF_ABSENT]: 'add-if-absent',
  [HeaderMutation_Action.OVERWRITE_IF_EXISTS_OR_ADD]: 'overwrite',
  [HeaderMutation_Action.OVERWRITE_IF_EXISTS]: 'overwrite-if-present',
}

function headerChanges(options: readonly HeaderValueOption[], at: Place, format: FormatParser): HeaderChange[] {
  return options.map((option, index) => {
    const place = at.item(index)
    const { name = '', action = 0, keepEmptyValue = false, value } = headerAddition(option, place, format)
    const pieces = value?.pieces ?? []
    if (pieces.some(({ op = Operator.LITERAL }) => op !== Operator.LITERAL && op !== Operator.PROTOCOL))
      place.field('header').field('value').error('operators in headers of health checks are not supported yet')
    return {
      name,
      value: pieces.map(({ op, text = '' }) => (op === Operator.PROTOCOL ? 'HTTP/1.1' : text)).join(''),
      action: actions[action] ?? 'append',
      keepsEmpty: keepEmptyValue,
    }
  })
}

const matcherKinds: Readonly<Record<StringMatcher_Kind, TextPattern['kind']>> = {
  [StringMatcher_Kind.EXACT]: 'exact',
  [StringMatcher_Kind.PREFIX]: 'prefix',
  [StringMatcher_Kind.SUFFIX]: 'suffix',
  [StringMatcher_Kind.CONTAINS]: 'contains',
  [StringMatcher_Kind.REGEX]: 'regex',
}

function textMatcher(config: Parameters<typeof stringMatcher>[0], at: Place, checkRegex: RegexCheck): TextPattern {
  const { kind = StringMatcher_Kind.EXACT, value = '', ignoreCase = false } = stringMatcher(config, at, checkRegex)
  return { kind: matcherKinds[kind], value, ignoreCase }
}

const fileSink = 'envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink'

function logOf(config: HealthCheck, at: Place, tools: HealthCheckTools): HealthLog {
  const sinks = config.eventLogger.flatMap(({ typedConfig }, index) => {
    if (!typedConfig) return []
    const place = at.field('event_logger').item(index).field('typed_config')
    const message = tools.unpack(typedConfig, place)?.message
    if (message && isMessage<HealthCheckEventFileSink>(message, fileSink)) return [message.eventLogPath]
    if (message) place.error(`the event sink '${message.$typeName}' is not supported`)
    return []
  })
  return {
    paths: config.eventLogPath === '' ? sinks : [config.eventLogPath, ...sinks],
    failures: config.alwaysLogHealthCheckFailures,
    successes: config.alwaysLogHealthCheckSuccess,
  }
}

function socketByCriteria(cluster: Cluster, criteria: JsonObject): number {
  return transportSocketOf(
    cluster.transportSocketMatches.map(({ match }) => (match ? { match } : {})),
    {
      $typeName: 'envoy.config.core.v3.Metadata',
      filterMetadata: { 'envoy.transport_socket_match': criteria },
      typedFilterMetadata: {},
    },
    undefined,
  )
}

/** Undefined: the member is checked where and as every other. */
export function memberCheck({ hostIdentifier: spec }: LbEndpoint): MemberCheck | undefined {
  const config = spec.case === 'endpoint' ? spec.value.healthCheckConfig : undefined
  if (!config) return undefined
  const { portValue, hostname, disableActiveHealthCheck: isDisabled } = config
  const address = config.address?.address
  const where =
    address?.case === 'socketAddress'
      ? { ip: address.value.address, port: portValue || portOf(address.value) }
      : address?.case === 'pipe'
        ? { ip: address.value.path, port: 0 }
        : portValue === 0
          ? {}
          : { port: portValue }
  return { ...where, hostname, isDisabled }
}

const portOf = ({ portSpecifier }: SocketAddress): number =>
  portSpecifier.case === 'portValue' ? portSpecifier.value : 0

/** Reports what is wrong with a member's own settings. */
export function validateMemberCheck({ hostIdentifier: spec }: LbEndpoint, at: Place): void {
  const config = spec.case === 'endpoint' ? spec.value.healthCheckConfig : undefined
  if (spec.case !== 'endpoint' || !config) return
  const place = at.field('health_check_config')
  const literal = config.address && literalAddress(config.address, place.field('address'))
  const isPipe = literal
    ? literal.pipe !== undefined && literal.pipe !== ''
    : spec.value.address?.address.case === 'pipe'
  if (isPipe && config.portValue !== 0)
    place.field('port_value').error('Invalid host configuration: non-zero port for non-IP address')
}
