/** What the compile thread says about the outlier detection of a cluster. Plain data: it crosses threads. Times in milliseconds, shares in percent. */
export interface OutlierPlan {
  /** Between two looks at all hosts. */
  readonly intervalMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** Added to an ejection, at random up to this. */
  readonly jitterMs: number
  /** So much of the cluster may be ejected at a time. */
  readonly maxEjectionPercent: number
  readonly alwaysEjectsOne: boolean
  /** How likely it is that a host which is found to be an outlier is ejected. */
  readonly enforcing: Readonly<Record<OutlierKind, number>>
  readonly successRate: {
    readonly minimumHosts: number
    readonly requestVolume: number
    /** In thousandths. */
    readonly stdevFactor: number
  }
  readonly failurePercentage: {
    readonly minimumHosts: number
    readonly requestVolume: number
    readonly threshold: number
  }
  /** A good active check ends an ejection. */
  readonly isEndedByCheck: boolean
}

/** By what a host is found to be an outlier; as the statistics call it. */
export type OutlierKind =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure'
  | 'success_rate'
  | 'local_origin_success_rate'
  | 'failure_percentage'
  | 'local_origin_failure_percentage'
