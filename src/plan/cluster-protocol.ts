import type { Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { isMessage } from '../config/index.js'
import {
  type Cluster,
  Cluster_ClusterProtocolSelection,
} from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  UpstreamHttpProtocolOptions,
} from '../generated/protos/envoy/config/core/v3/protocol_pb.js'
import type { HttpProtocolOptions } from '../generated/protos/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import type { HttpFilter } from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { TcpProtocolOptions } from '../generated/protos/envoy/extensions/upstreams/tcp/v3/tcp_protocol_options_pb.js'
import { Cluster_Protocol } from '../generated/plan_pb.js'
import type { ClusterInit, ExtensionInit } from './init.js'
import { http1Options, http2Options, httpCommon, type HttpOptionTools } from './http-options.js'
import { mirrorPolicies } from './route-action.js'
import type { RouteTools } from './route-table.js'
import { milliseconds } from './values.js'

const httpOptionsType = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const tcpOptionsType = 'envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions'
const tcpIdleTimeout = 600_000

export type ClusterProtocolTools = HttpOptionTools &
  Pick<RouteTools, 'clusterSlot' | 'format'> & {
    upstreamFilters(filters: readonly HttpFilter[], cluster: Cluster, at: Place): ExtensionInit[]
  }

type Protocol = Pick<
  ClusterInit,
  'protocol' | 'common' | 'http1' | 'http2' | 'mirrors' | 'httpFilters' | 'tcpIdleTimeoutMs'
>
type AutoSni = Pick<ClusterInit, 'autoSni' | 'autoSanValidation' | 'overrideAutoSniHeader'>

/** How a cluster's upstreams are spoken to: typed options win over the cluster's own deprecated ones. */
export function clusterProtocol(cluster: Cluster, at: Place, tools: ClusterProtocolTools): Protocol & AutoSni {
  const inOptions = at.field('typed_extension_protocol_options')
  let http: { options: HttpProtocolOptions; at: Place } | undefined
  let tcp: { options: TcpProtocolOptions; at: Place } | undefined
  for (const [key, any] of Object.entries(cluster.typedExtensionProtocolOptions)) {
    const place = inOptions.item(key)
    const message = optionsOf(key, any, place, tools)
    if (message && isMessage<HttpProtocolOptions>(message, httpOptionsType)) http = { options: message, at: place }
    else if (message && isMessage<TcpProtocolOptions>(message, tcpOptionsType)) tcp = { options: message, at: place }
  }
  const tcpIdleTimeoutMs = tcp
    ? milliseconds(tcp.options.idleTimeout, tcpIdleTimeout, tcp.at.field('idle_timeout'))
    : tcpIdleTimeout
  return Object.assign(
    { tcpIdleTimeoutMs },
    http ? typedProtocol(http.options, cluster, http.at, tools) : deprecatedProtocol(cluster, at, tools),
    autoSni(http ? http.options.upstreamHttpProtocolOptions : cluster.upstreamHttpProtocolOptions),
  )
}

/** What a request says about the server's name and certificate. */
function autoSni(options: UpstreamHttpProtocolOptions | undefined): AutoSni {
  return {
    autoSni: options?.autoSni ?? false,
    autoSanValidation: options?.autoSanValidation ?? false,
    overrideAutoSniHeader: options?.overrideAutoSniHeader.toLowerCase() ?? '',
  }
}

function optionsOf(key: string, any: Any, at: Place, tools: HttpOptionTools): Message | undefined {
  if (key !== httpOptionsType && key !== tcpOptionsType && key !== 'envoy.filters.network.http_connection_manager') {
    at.error(`Didn't find a registered network or http filter or protocol options implementation for name: '${key}'`)
    return undefined
  }
  return tools.unpack(any, at)?.message
}

function typedProtocol(
  options: HttpProtocolOptions,
  cluster: Cluster,
  at: Place,
  tools: ClusterProtocolTools,
): Protocol {
  const inCommon = at.field('common_http_protocol_options')
  const common = httpCommon(options.commonHttpProtocolOptions, inCommon)
  if (cluster.maxRequestsPerConnection !== undefined) {
    if (options.commonHttpProtocolOptions?.maxRequestsPerConnection !== undefined) {
      inCommon
        .field('max_requests_per_connection')
        .error('Only one of max_requests_per_connection from Cluster or HttpProtocolOptions can be specified')
    }
    common.maxRequestsPerConnection = cluster.maxRequestsPerConnection
  }
  const { protocol, http1, http2, place } = spoken(options, at)
  return {
    protocol,
    common,
    http1: http1Options(http1, place.field('http_protocol_options'), tools),
    ...withHttp2(http2, place),
    mirrors: mirrorPolicies(options.requestMirrorPolicies, at.field('request_mirror_policies'), tools),
    httpFilters: tools.upstreamFilters(options.httpFilters, cluster, at.field('http_filters')),
  }
}

function withHttp2(options: Http2ProtocolOptions | undefined, at: Place): Pick<Protocol, 'http2'> {
  const http2 = http2Options(options, at.field('http2_protocol_options'))
  return http2 ? { http2 } : {}
}

interface Spoken {
  readonly protocol: Cluster_Protocol
  readonly http1?: Http1ProtocolOptions | undefined
  readonly http2?: Http2ProtocolOptions | undefined
  readonly place: Place
}

function spoken(options: HttpProtocolOptions, at: Place): Spoken {
  const spec = options.upstreamProtocolOptions
  if (spec.case === 'useDownstreamProtocolConfig')
    return {
      protocol: Cluster_Protocol.DOWNSTREAM,
      http1: spec.value.httpProtocolOptions,
      http2: spec.value.http2ProtocolOptions,
      place: at.field('use_downstream_protocol_config'),
    }
  if (spec.case === 'autoConfig')
    return {
      protocol: Cluster_Protocol.AUTO,
      http1: spec.value.httpProtocolOptions,
      http2: spec.value.http2ProtocolOptions,
      place: at.field('auto_config'),
    }
  const place = at.field('explicit_http_config')
  const config = spec.case === 'explicitHttpConfig' ? spec.value.protocolConfig : undefined
  if (config?.case === 'http2ProtocolOptions') return { protocol: Cluster_Protocol.HTTP2, http2: config.value, place }
  const http1 = config?.case === 'httpProtocolOptions' ? config.value : undefined
  return { protocol: Cluster_Protocol.HTTP1, http1, place }
}

function deprecatedProtocol(cluster: Cluster, at: Place, tools: HttpOptionTools): Protocol {
  const usesDownstream = cluster.protocolSelection === Cluster_ClusterProtocolSelection.USE_DOWNSTREAM_PROTOCOL
  if (cluster.httpProtocolOptions && cluster.http2ProtocolOptions && !usesDownstream) {
    at.error("Both HTTP1 and HTTP2 options may only be configured with non-default 'protocol_selection' values")
  }
  const common = httpCommon(cluster.commonHttpProtocolOptions, at.field('common_http_protocol_options'))
  if (cluster.maxRequestsPerConnection !== undefined) common.maxRequestsPerConnection = cluster.maxRequestsPerConnection
  const configured = cluster.http2ProtocolOptions ? Cluster_Protocol.HTTP2 : Cluster_Protocol.HTTP1
  return {
    protocol: usesDownstream ? Cluster_Protocol.DOWNSTREAM : configured,
    common,
    http1: http1Options(cluster.httpProtocolOptions, at.field('http_protocol_options'), tools),
    ...withHttp2(cluster.http2ProtocolOptions, at),
  }
}
