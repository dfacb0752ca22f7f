/**
 * Clusters that differ from others in their name alone: a control plane may send ten thousand of one form. When two of a form were compiled
 * as a whole and differ in nothing but what their names make different, those that follow get the plan of the first with their own name in it.
 */
import { Cluster_Type } from '../generated/plan_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import { asciiIn, kLengthDelimited, latin1In, WireReader } from '../support/wire-reader.js'
import type { CompiledResource, ResourceEnvironment } from './compile-resource.js'
import { planId } from './ids.js'
import type { EndpointReference } from './reference.js'

/** Forms are remembered up to this number, and forgotten together. */
const mostForms = 256
/** A form that takes more bytes is hardly ever another cluster's too. */
const mostBytes = 4096
const nameField = 1
const namedLimits = 'circuit_breakers.'

export interface PlainCluster {
  readonly compiled: CompiledResource
  /** What of its message is not in the plan. */
  readonly described: Pick<
    Cluster,
    'altStatName' | 'edsClusterConfig' | 'transportSocket' | 'transportSocketMatches' | 'loadAssignment'
  >
}

interface Form {
  readonly compiled: CompiledResource
  readonly reference: EndpointReference
  readonly described: PlainCluster['described']
  /** Of the plan: what follows the two names. */
  readonly tail: Uint8Array
  /** A second cluster was the same. */
  isProven: boolean
}

/** A cluster in bytes, as its name and all the rest. */
interface Parts {
  readonly name: string
  readonly form: string
}

export class PlainClusters {
  readonly #forms = new Map<string, Form>()
  #environment: ResourceEnvironment | undefined
  /** The runtime has limits of clusters by name. */
  #isNamed = false

  /** Would the checks of messages and the compiler find nothing wrong with it? */
  isKnown(bytes: Uint8Array, environment: ResourceEnvironment): boolean {
    return this.#formOf(bytes, environment) !== undefined
  }

  /** What compileClusterResource makes of it; undefined: it is of no form that is known. */
  compile(bytes: Uint8Array, environment: ResourceEnvironment): PlainCluster | undefined {
    const found = this.#formOf(bytes, environment)
    if (found === undefined) return undefined
    const { name, form } = found
    const slot = environment.deps.slots.of('clusters', name)
    const planBytes = withNames(name, form.tail)
    const id = planId(planBytes, name)
    const { compiled, reference } = form
    const meta = compiled.cluster as NonNullable<CompiledResource['cluster']>
    const use = { cluster: name, slot, transportSocketMatches: reference.use.transportSocketMatches, isChecked: false }
    const whole: CompiledResource = {
      name,
      plans: [{ kind: 'cluster', name, slot, id, bytes: planBytes }],
      programs: compiled.programs,
      secrets: compiled.secrets,
      tlsContexts: compiled.tlsContexts,
      references: [{ kind: 'endpoint', source: reference.source, name, slot, isRequired: reference.isRequired, use }],
      sendsLogs: false,
      warnings: compiled.warnings,
      cluster: {
        name,
        slot,
        planId: id,
        type: meta.type,
        thresholds: meta.thresholds,
        endpoints: use,
        ...(meta.outlier && { outlier: meta.outlier }),
        ...(meta.hashing && { hashing: meta.hashing }),
      },
    }
    return { compiled: whole, described: found.form.described }
  }

  /** It was decoded, checked without a word, and compiled. */
  learn(bytes: Uint8Array, message: Cluster, compiled: CompiledResource, environment: ResourceEnvironment): void {
    this.#isFor(environment)
    const parts = partsOf(bytes)
    const form = parts && formOf(parts.name, message, compiled)
    if (parts === undefined || form === undefined) return
    const known = this.#forms.get(parts.form)
    if (known === undefined) {
      if (this.#forms.size >= mostForms) this.#forms.clear()
      this.#forms.set(parts.form, form)
    } else if (known.compiled.name !== compiled.name && Buffer.compare(known.tail, form.tail) === 0)
      known.isProven = true
  }

  #formOf(bytes: Uint8Array, environment: ResourceEnvironment): { name: string; form: Form } | undefined {
    if (!this.#isFor(environment) || this.#forms.size === 0) return undefined
    const parts = partsOf(bytes)
    const form = parts && this.#forms.get(parts.form)
    return parts !== undefined && form?.isProven === true ? { name: parts.name, form } : undefined
  }

  /** What clusters are compiled with is another: nothing is known of it. False: clusters differ by more than their bytes say. */
  #isFor(environment: ResourceEnvironment): boolean {
    if (this.#environment !== environment) {
      this.#forms.clear()
      this.#environment = environment
      this.#isNamed = [...environment.runtime.keys()].some(key => key.startsWith(namedLimits))
    }
    return !this.#isNamed
  }
}

const reader = new WireReader()

/** Undefined: its name is no simple one, or it is unlikely to be one of many. */
function partsOf(bytes: Uint8Array): Parts | undefined {
  if (bytes.length > mostBytes) return undefined
  let name: string | undefined
  let form = ''
  let from = 0
  let before = 0
  for (reader.over(bytes); reader.next(); before = reader.position) {
    if (reader.field !== nameField) continue
    if (name !== undefined || reader.wireType !== kLengthDelimited) return undefined
    name = asciiIn(bytes, reader.start, reader.end)
    form = latin1In(bytes, from, before)
    from = reader.end
  }
  if (reader.isBroken || name === undefined || !isSimple(name)) return undefined
  return { name, form: form + latin1In(bytes, from, bytes.length) }
}

/** Its name in statistics is the same, and it is no locator. */
const isSimple = (name: string): boolean => name !== '' && !name.includes(':')

/** Undefined: more of it may hang on the name than the two places where it stands. */
function formOf(name: string, message: Cluster, compiled: CompiledResource): Form | undefined {
  const { cluster, plans, references, secrets, tlsContexts, programs, warnings } = compiled
  const [plan] = plans
  const [reference] = references
  const isPlain =
    cluster?.type === Cluster_Type.EDS &&
    cluster.dns === undefined &&
    cluster.health === undefined &&
    message.healthChecks.length === 0 &&
    message.altStatName === '' &&
    (message.edsClusterConfig?.serviceName ?? '') === '' &&
    plans.length === 1 &&
    references.length === 1 &&
    secrets.length + tlsContexts.length + programs.length + warnings.length === 0 &&
    !compiled.sendsLogs
  if (!isPlain || plan === undefined || reference?.kind !== 'endpoint' || reference.name !== name) return undefined
  const head = withNames(name, nothing)
  if (Buffer.compare(head, plan.bytes.subarray(0, head.length)) !== 0) return undefined
  const { altStatName, transportSocket, transportSocketMatches } = message
  const described = {
    altStatName,
    edsClusterConfig: undefined,
    transportSocket,
    transportSocketMatches,
    loadAssignment: undefined,
  }
  return { compiled, reference, described, tail: plan.bytes.slice(head.length), isProven: false }
}

const nothing = new Uint8Array()

/** The bytes of a cluster's plan: `name` and `stat_name`, its first two fields, and the rest. */
function withNames(name: string, tail: Uint8Array): Uint8Array {
  const { length } = name
  const size = length < 0x80 ? 1 : 2 // names of mostBytes at most
  const bytes = new Uint8Array(2 * (1 + size + length) + tail.length)
  let at = 0
  for (const tag of [0x0a, 0x12]) {
    bytes[at++] = tag
    if (size === 2) bytes[at++] = (length & 0x7f) | 0x80
    bytes[at++] = size === 2 ? length >> 7 : length
    for (let index = 0; index < length; index++) bytes[at++] = name.charCodeAt(index)
  }
  bytes.set(tail, at)
  return bytes
}
