import type { OutlierKind } from '../../plan/outlier-plan.js'

/** What happened to a host. */
export type OutlierEvent =
  | {
      readonly action: 'EJECT'
      readonly kind: OutlierKind
      /** False: it was only found to be an outlier. */
      readonly isEnforced: boolean
      readonly ejections: number
      /** Undefined: it never came back from an ejection. */
      readonly secondsSinceLast: number | undefined
      /** Success rates in percent: its own, */
      readonly rate: number
      /** and those of the cluster. */
      readonly average: number
      readonly threshold: number
    }
  | { readonly action: 'UNEJECT'; readonly ejections: number; readonly secondsSinceLast: number | undefined }

const types: Readonly<Record<OutlierKind, string>> = {
  consecutive_5xx: 'CONSECUTIVE_5XX',
  consecutive_gateway_failure: 'CONSECUTIVE_GATEWAY_FAILURE',
  consecutive_local_origin_failure: 'CONSECUTIVE_LOCAL_ORIGIN_FAILURE',
  success_rate: 'SUCCESS_RATE',
  local_origin_success_rate: 'SUCCESS_RATE_LOCAL_ORIGIN',
  failure_percentage: 'FAILURE_PERCENTAGE',
  local_origin_failure_percentage: 'FAILURE_PERCENTAGE_LOCAL_ORIGIN',
}

/** A line of the log: envoy.data.cluster.v3.OutlierDetectionEvent in proto JSON, its members in Envoy's order. */
export function outlierEventLine(cluster: string, address: string, event: OutlierEvent, at: Date): string {
  const { secondsSinceLast: since } = event
  return `${JSON.stringify({
    type: event.action === 'EJECT' ? types[event.kind] : types.consecutive_5xx,
    timestamp: at.toISOString(),
    ...(since !== undefined && { secs_since_last_action: String(since) }),
    cluster_name: cluster,
    upstream_url: address,
    action: event.action,
    num_ejections: event.ejections,
    enforced: event.action === 'EJECT' && event.isEnforced,
    ...details(event),
  })}\n`
}

const whole = (percent: number): number => Math.max(0, Math.trunc(percent))

function details(event: OutlierEvent): object {
  if (event.action === 'UNEJECT') return {}
  switch (event.kind) {
    case 'success_rate':
    case 'local_origin_success_rate':
      return {
        eject_success_rate_event: {
          host_success_rate: whole(event.rate),
          cluster_average_success_rate: whole(event.average),
          cluster_success_rate_ejection_threshold: whole(event.threshold),
        },
      }
    case 'failure_percentage':
    case 'local_origin_failure_percentage':
      return { eject_failure_percentage_event: { host_success_rate: whole(event.rate) } }
    default:
      return { eject_consecutive_event: {} }
  }
}
