import type { HttpTarget } from '../common/http-target.js'

/** What the declaration makes of ZipkinConfig for the workers. */
export interface ZipkinSettings extends HttpTarget {
  readonly format: 'json' | 'proto'
  /** Spans of a server and its client have one id. */
  readonly isShared: boolean
  /** --service-cluster. */
  readonly serviceName: string
}
