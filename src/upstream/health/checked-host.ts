import type { MemberCheck } from '../../plan/health-check-plan.js'

/** A member of a cluster that is checked actively. */
export interface CheckedHost {
  /** An address, or the path of a unix socket. */
  readonly ip: string
  readonly port: number
  readonly hostname: string
  readonly transportSocket: number
  readonly check?: MemberCheck
  /** For the event log. */
  readonly metadataJson: string
  readonly region: string
  readonly zone: string
  readonly subZone: string
}

/** By which a host is known to be the one it was. */
export const hostKey = ({ ip, port, hostname }: Pick<CheckedHost, 'ip' | 'port' | 'hostname'>): string =>
  `${ip}\n${port}\n${hostname}`

/** Where and whether it is checked: another answer makes another host of it. */
export const checkKey = ({ check }: CheckedHost): string =>
  check === undefined || (check.ip === undefined && check.port === undefined && !check.isDisabled)
    ? ''
    : `${check.ip ?? ''}\n${check.port ?? ''}\n${check.isDisabled}`

/** Where its checks go. */
export function addressOf({ ip, port, check }: CheckedHost): { readonly ip: string; readonly port: number } {
  return { ip: check?.ip ?? ip, port: check?.port ?? port }
}
