import type { CheckedHost } from './checked-host.js'

/** What happened to a host. */
export type HealthEvent =
  | { readonly kind: 'add_healthy'; readonly isFirst: boolean }
  | { readonly kind: 'eject_unhealthy'; readonly failure: string; readonly httpStatus: number }
  | { readonly kind: 'failure'; readonly failure: string; readonly isFirst: boolean; readonly httpStatus: number }
  | { readonly kind: 'degraded' | 'no_longer_degraded' | 'success' }

/** A line of the log: envoy.data.core.v3.HealthCheckEvent in proto JSON, its members in Envoy's order. */
export function healthEventLine(
  checker: 'http' | 'tcp' | 'grpc',
  cluster: string,
  host: CheckedHost,
  event: HealthEvent,
  at: Date,
): string {
  const early = earlyPart(event)
  const late = latePart(event)
  const metadata = metadataOf(host)
  const { region, zone, subZone: sub_zone } = host
  return `${JSON.stringify({
    health_checker_type: checker.toUpperCase(),
    host: addressJson(host),
    cluster_name: cluster,
    ...early,
    timestamp: at.toISOString(),
    ...(event.kind === 'failure' && late),
    ...(event.kind === 'degraded' || event.kind === 'no_longer_degraded' ? late : {}),
    ...(metadata && { metadata }),
    locality: { region, zone, sub_zone },
    ...(event.kind === 'success' && late),
  })}\n`
}

function earlyPart(event: HealthEvent): object {
  switch (event.kind) {
    case 'add_healthy':
      return { add_healthy_event: { first_check: event.isFirst } }
    case 'eject_unhealthy':
      return { eject_unhealthy_event: { failure_type: event.failure, http_status_code: event.httpStatus } }
    default:
      return {}
  }
}

function latePart(event: HealthEvent): object {
  switch (event.kind) {
    case 'failure':
      return {
        health_check_failure_event: {
          failure_type: event.failure,
          first_check: event.isFirst,
          http_status_code: event.httpStatus,
        },
      }
    case 'degraded':
      return { degraded_healthy_host: {} }
    case 'no_longer_degraded':
      return { no_longer_degraded_host: {} }
    case 'success':
      return { successful_health_check_event: {} }
    default:
      return {}
  }
}

function metadataOf({ metadataJson }: CheckedHost): object | undefined {
  return metadataJson === '' ? undefined : { filter_metadata: JSON.parse(metadataJson), typed_filter_metadata: {} }
}

function addressJson({ ip, port }: CheckedHost): object {
  if (/^[/@]/.test(ip)) return { pipe: { path: ip, mode: 0 } }
  return {
    socket_address: {
      protocol: 'TCP',
      address: ip,
      port_value: port,
      resolver_name: '',
      ipv4_compat: false,
      network_namespace_filepath: '',
    },
  }
}
