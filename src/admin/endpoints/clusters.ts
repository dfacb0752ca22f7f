import { compileRegex } from '../../stats/pattern.js'
import { type ClusterStatus, type HealthFlag, healthFlagNames, type HostStatus, type Thresholds } from '../backend.js'
import { type Endpoint, json, text } from '../endpoint.js'
import type { JsonObject } from '../json.js'
import { addressJson, addressText } from '../socket-text.js'

export const clusters: Endpoint = {
  path: '/clusters',
  help: 'clusters and their hosts',
  parameters: [{ name: 'filter', help: 'only clusters whose name this regular expression matches' }],
  answer: async ({ query }, backend) => {
    const filter = compileRegex(query.get('filter') ?? '')
    if (!filter.ok) return text('Invalid re2 regex', 400)
    const all = (await backend.clusters()).filter(({ name }) => filter.value.test(name))
    if (query.get('format') !== 'json') return text(allText(all))
    return json(all.length === 0 ? {} : { cluster_statuses: all.map(clusterJson) })
  },
}

function* allText(all: readonly ClusterStatus[]): Generator<string> {
  for (const cluster of all) {
    yield clusterText(cluster)
    for (const host of cluster.hosts) yield hostText(cluster.name, host)
  }
}

function clusterText(cluster: ClusterStatus): string {
  const lines = [`observability_name::${cluster.observabilityName}`]
  if (cluster.outlier) {
    lines.push(
      `outlier::success_rate_average::${cluster.outlier.successRateAverage}`,
      `outlier::success_rate_ejection_threshold::${cluster.outlier.successRateEjectionThreshold}`,
      `outlier::local_origin_success_rate_average::${cluster.outlier.localOriginSuccessRateAverage}`,
      `outlier::local_origin_success_rate_ejection_threshold::${cluster.outlier.localOriginSuccessRateEjectionThreshold}`,
    )
  }
  lines.push(...thresholdsText('default', cluster.defaultPriority), ...thresholdsText('high', cluster.highPriority))
  lines.push(`added_via_api::${cluster.addedViaApi}`)
  if (cluster.edsServiceName) lines.push(`eds_service_name::${cluster.edsServiceName}`)
  return lines.map(line => `${cluster.name}::${line}\n`).join('')
}

function thresholdsText(priority: string, thresholds: Thresholds): string[] {
  return [
    `${priority}_priority::max_connections::${thresholds.maxConnections}`,
    `${priority}_priority::max_pending_requests::${thresholds.maxPendingRequests}`,
    `${priority}_priority::max_requests::${thresholds.maxRequests}`,
    `${priority}_priority::max_retries::${thresholds.maxRetries}`,
  ]
}

function healthText(flags: readonly HealthFlag[]): string {
  if (flags.length === 0) return 'healthy'
  return healthFlagNames
    .filter(flag => flags.includes(flag))
    .map(flag => `/${flag}`)
    .join('')
}

function hostText(cluster: string, host: HostStatus): string {
  const start = `${cluster}::${addressText(host.address)}::`
  return [
    `cx_active::${host.cxActive}`,
    `cx_connect_fail::${host.cxConnectFail}`,
    `cx_total::${host.cxTotal}`,
    `rq_active::${host.rqActive}`,
    `rq_error::${host.rqError}`,
    `rq_pending_active::${host.rqPendingActive}`,
    `rq_success::${host.rqSuccess}`,
    `rq_timeout::${host.rqTimeout}`,
    `rq_total::${host.rqTotal}`,
    `hostname::${host.hostname}`,
    `health_flags::${healthText(host.healthFlags)}`,
    `weight::${host.weight}`,
    `region::${host.region}`,
    `zone::${host.zone}`,
    `sub_zone::${host.subZone}`,
    `canary::${host.canary}`,
    `priority::${host.priority}`,
    `success_rate::${host.successRate}`,
    `local_origin_success_rate::${host.localOriginSuccessRate}`,
  ]
    .map(line => `${start}${line}\n`)
    .join('')
}

// ---------------------------------------------------------------- JSON: envoy.admin.v3.ClusterStatus, defaults left out

const percent = (value: number | undefined): JsonObject | undefined =>
  value === undefined || value < 0 ? undefined : { value }

/** Leaves out what is undefined, empty or a default. */
function compact(fields: Record<string, JsonObject[string] | undefined>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, JsonObject[string]] =>
        entry[1] !== undefined && entry[1] !== '' && entry[1] !== false && entry[1] !== 0,
    ),
  )
}

function clusterJson(cluster: ClusterStatus): JsonObject {
  return compact({
    name: cluster.name,
    added_via_api: cluster.addedViaApi,
    success_rate_ejection_threshold: percent(cluster.outlier?.successRateEjectionThreshold),
    host_statuses: cluster.hosts.length === 0 ? undefined : cluster.hosts.map(hostJson),
    local_origin_success_rate_ejection_threshold: percent(cluster.outlier?.localOriginSuccessRateEjectionThreshold),
    circuit_breakers: {
      thresholds: [
        thresholdsJson(cluster.defaultPriority),
        { priority: 'HIGH', ...thresholdsJson(cluster.highPriority) },
      ],
    },
    observability_name: cluster.observabilityName,
    eds_service_name: cluster.edsServiceName,
  })
}

function thresholdsJson(thresholds: Thresholds): JsonObject {
  return {
    max_connections: thresholds.maxConnections,
    max_pending_requests: thresholds.maxPendingRequests,
    max_requests: thresholds.maxRequests,
    max_retries: thresholds.maxRetries,
  }
}

function hostJson(host: HostStatus): JsonObject {
  const counter = (name: string, value: number) => compact({ value: value === 0 ? '' : String(value), name })
  const gauge = (name: string, value: number) => ({ type: 'GAUGE', ...counter(name, value) })
  return compact({
    address: addressJson(host.address),
    stats: [
      counter('cx_connect_fail', host.cxConnectFail),
      counter('cx_total', host.cxTotal),
      counter('rq_error', host.rqError),
      counter('rq_success', host.rqSuccess),
      counter('rq_timeout', host.rqTimeout),
      counter('rq_total', host.rqTotal),
      gauge('cx_active', host.cxActive),
      gauge('rq_active', host.rqActive),
      gauge('rq_pending_active', host.rqPendingActive),
    ],
    health_status: healthJson(host.healthFlags),
    success_rate: percent(host.successRate),
    weight: host.weight,
    hostname: host.hostname,
    priority: host.priority,
    local_origin_success_rate: percent(host.localOriginSuccessRate),
    locality: compact({ region: host.region, zone: host.zone, sub_zone: host.subZone }),
  })
}

function healthJson(flags: readonly HealthFlag[]): JsonObject {
  const has = (flag: HealthFlag) => flags.includes(flag)
  return compact({
    failed_active_health_check: has('failed_active_hc'),
    failed_outlier_check: has('failed_outlier_check'),
    failed_active_degraded_check: has('degraded_active_hc'),
    pending_dynamic_removal: has('pending_dynamic_removal'),
    pending_active_hc: has('pending_active_hc'),
    excluded_via_immediate_hc_fail: has('excluded_via_immediate_hc_fail'),
    active_hc_timeout: has('active_hc_timeout'),
    eds_health_status: edsStatus(has),
  })
}

function edsStatus(has: (flag: HealthFlag) => boolean): string {
  if (has('failed_eds_health')) return 'UNHEALTHY'
  if (has('degraded_eds_health')) return 'DEGRADED'
  return has('eds_status_draining') ? 'DRAINING' : 'HEALTHY'
}
