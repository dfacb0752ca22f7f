/** What main says of a host's health; the bits that workers know are those of native/upstream/host.h. */
export const hostFlag = {
  failedActiveCheck: 1,
  failedOutlierCheck: 2,
  degradedActiveCheck: 4,
  pendingActiveCheck: 8,
  excludedByImmediateFailure: 16,
  /** No member any more, kept while it is healthy. For the operator only, like the next. */
  pendingRemoval: 32,
  activeCheckTimeout: 64,
} as const

const failed = hostFlag.failedActiveCheck | hostFlag.failedOutlierCheck
const excluded = hostFlag.pendingActiveCheck | hostFlag.excludedByImmediateFailure

/** Envoy's HealthStatus. */
const status = { healthy: 1, draining: 3, degraded: 5 } as const

/** How hosts count: `health` is what the configuration says, `flags` what main found out. */
export const isFailed = (health: number, flags: number): boolean =>
  (flags & failed) !== 0 || (health > status.healthy && health !== status.degraded)

export const isDegraded = (health: number, flags: number): boolean =>
  !isFailed(health, flags) && (health === status.degraded || (flags & hostFlag.degradedActiveCheck) !== 0)

export const isExcluded = (health: number, flags: number): boolean =>
  health === status.draining || (flags & excluded) !== 0
