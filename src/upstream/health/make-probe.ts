import type { TunnelTarget } from '../../native/addon.js'
import { compilePattern } from '../../stats/pattern.js'
import type { HealthCheckPlan } from '../../plan/health-check-plan.js'
import { addressOf, type CheckedHost } from './checked-host.js'
import { connectPlain, connectThrough } from './connect.js'
import { GrpcProbe } from './grpc-probe.js'
import { Http1Probe } from './http1-probe.js'
import { Http2Probe } from './http2-probe.js'
import { requestHeaders } from './http-check.js'
import type { Connect, Probe, ProbeResult } from './probe.js'
import { TcpProbe } from './tcp-probe.js'

/** How one host is to be reached through a worker, whatever its cluster. */
export type HostTarget = Omit<TunnelTarget, 'clusterPlanId' | 'clusterSlot'>

export interface ProbeTools {
  readonly cluster: string
  /** Is the host spoken to by TLS? */
  readonly isTls: (transportSocket: number) => boolean
  /** A descriptor, or why there is none. */
  readonly openTunnel: (target: HostTarget) => number | string
}

/** What makes the probes of a cluster's members. */
export function probeMaker(plan: HealthCheckPlan, tools: ProbeTools) {
  const serviceName =
    plan.check.kind === 'http' && plan.check.serviceName ? compilePattern(plan.check.serviceName) : undefined
  return (host: CheckedHost, onResult: (result: ProbeResult) => void): Probe => {
    const { check, reusesConnection: reuses } = plan
    const connect = connectTo(host, plan, tools)
    const scheme = tools.isTls(plan.transportSocket ?? host.transportSocket) ? 'https' : 'http'
    const name = (configured: string) => host.check?.hostname || configured || tools.cluster
    switch (check.kind) {
      case 'http': {
        const headers = requestHeaders(check, name(check.host), scheme)
        const options = { check, headers, serviceName, reuses, connect, onResult }
        return check.isHttp2 ? new Http2Probe(options) : new Http1Probe(options)
      }
      case 'grpc': {
        const authority = name(check.authority)
        return new GrpcProbe({ check, authority, scheme, timeoutMs: plan.timeoutMs, reuses, connect, onResult })
      }
      case 'tcp':
        return new TcpProbe({ check, reuses, connect, onResult })
    }
  }
}

function connectTo(host: CheckedHost, plan: HealthCheckPlan, tools: ProbeTools): Connect {
  const { ip, port } = addressOf(host)
  if (plan.isPlain) return connectPlain({ ip, port })
  const announces = plan.check.kind === 'tcp'
  const target: HostTarget = {
    address: ip,
    port,
    hostname: host.hostname,
    transportSocket: plan.transportSocket ?? host.transportSocket,
    alpn: plan.alpn,
    announces,
  }
  return connectThrough(() => tools.openTunnel(target), announces)
}
